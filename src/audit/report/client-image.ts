/**
 * @file The images of a report: the picture as the vision tower sees it, with its patches, its windows of attention, and a layer of colour for
 * the values of a tensor. The page contains the source of this function, so the function uses nothing outside itself.
 */
import type { PageBase } from './client-base.ts';
import type { reportTools } from './client-tools.ts';
import type { ImageData } from './image-data.ts';

/** What the page gives its images. */
interface ImagesPage {
  readonly base: PageBase;
  readonly tools: ReturnType<typeof reportTools>;
  readonly images: readonly ImageData[];
  /** Chooses a token of the input. */
  readonly select: (token: number) => void;
  /** The chosen one. */
  readonly token: () => number;
  /** Called when another token is chosen, or the colours change. */
  readonly redraws: (() => void)[];
}

/** Draws the section of images. */
export function reportImages({ base, tools, images, select, token, redraws }: ImagesPage): void {
  const { get, digits, variable, within, onArrows, cellBelow } = base;
  get('images').hidden = images.length === 0;
  if (images.length === 0) return;
  const canvas = get<HTMLCanvasElement>('image-map');
  const imageSelect = get<HTMLSelectElement>('image');
  const layerSelect = get<HTMLSelectElement>('image-layer');
  imageSelect.append(...images.map(({ width, height }, i) => new Option(`${i}: ${width}x${height}`, String(i))));
  let patch = { x: 0, y: 0 };
  const image = () => images[Number(imageSelect.value)];
  /** For each patch in raster order, the row of the tensors. */
  const rowsOf = ({ order }: ImageData) => {
    const rows: number[] = [];
    for (const [row, place] of order.entries()) rows[place] = row;
    return rows;
  };
  const pixels = (shown: ImageData) => {
    const bytes = Uint8Array.from(atob(shown.rgb), (c) => c.charCodeAt(0));
    const picture = document.createElement('canvas');
    picture.width = Math.ceil(shown.width / shown.step);
    picture.height = Math.ceil(shown.height / shown.step);
    const context = picture.getContext('2d')!;
    const data = context.createImageData(picture.width, picture.height);
    for (let i = 0; i < bytes.length / 3; i++) data.data.set([...bytes.subarray(3 * i, 3 * i + 3), 255], 4 * i);
    context.putImageData(data, 0, 0);
    return picture;
  };
  const pictures = images.map(pixels);

  /** The value of each row of the chosen tensor, or the attention of the chosen patch to it. */
  function layer(): { readonly values: readonly number[]; readonly name: string } | undefined {
    const [kind, index] = layerSelect.value.split(' ');
    const { tensors, attention, order, patches } = image();
    if (kind === 'norms')
      return { values: tensors[Number(index)].norms, name: `norm of ${tensors[Number(index)].name}` };
    if (kind !== 'attention') return undefined;
    const { shares, layer: number } = attention[Number(index)];
    const own = rowsOf(image())[patch.y * patches.nx + patch.x];
    return { values: order.map((_, row) => tools.valueAt(shares, own, row)), name: `attention in layer ${number}` };
  }

  function draw(): void {
    const shown = image();
    const { patches, nx, ny, firstToken, order, windows } = shown;
    const picture = pictures[Number(imageSelect.value)];
    const side = Math.max(4, Math.floor(640 / Math.max(patches.nx, patches.ny)));
    canvas.width = patches.nx * side;
    canvas.height = patches.ny * side;
    const context = canvas.getContext('2d')!;
    context.imageSmoothingEnabled = false;
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const chosen = layer();
    if (chosen !== undefined) {
      const top = Math.max(0, ...chosen.values.filter(Number.isFinite)) || 1;
      context.fillStyle = variable('--mark');
      for (const [row, place] of order.entries()) {
        context.globalAlpha = 0.85 * Math.max(0, chosen.values[row] / top || 0);
        context.fillRect((place % patches.nx) * side, Math.floor(place / patches.nx) * side, side, side);
      }
      context.globalAlpha = 1;
    }
    const line = (x: number, y: number, across: boolean, length: number, width: number) => {
      context.fillRect(
        across ? x : x - width / 2,
        across ? y - width / 2 : y,
        across ? length : width,
        across ? width : length,
      );
    };
    context.fillStyle = variable('--line');
    for (let x = 1; x < patches.nx; x++) line(x * side, 0, false, canvas.height, 1);
    for (let y = 1; y < patches.ny; y++) line(0, y * side, true, canvas.width, 1);
    // Where neighbours are in different windows.
    context.fillStyle = variable('--warn');
    const rows = rowsOf(shown);
    for (const [place, row] of rows.entries()) {
      const [x, y] = [place % patches.nx, Math.floor(place / patches.nx)];
      if (x > 0 && windows[row] !== windows[rows[place - 1]]) line(x * side, y * side, false, side, 3);
      if (y > 0 && windows[row] !== windows[rows[place - patches.nx]]) line(x * side, y * side, true, side, 3);
    }
    context.strokeStyle = variable('--mark');
    context.lineWidth = 3;
    const merge = patches.nx / nx;
    const inside = token() - firstToken;
    if (inside >= 0 && inside < nx * ny) {
      const [x, y] = [inside % nx, Math.floor(inside / nx)];
      context.strokeRect(x * merge * side, y * merge * side, merge * side, merge * side);
    }
    context.lineWidth = 1;
    context.strokeRect(patch.x * side + 0.5, patch.y * side + 0.5, side - 1, side - 1);
    canvas.setAttribute(
      'aria-label',
      `Image ${imageSelect.value}: ${patches.nx} x ${patches.ny} patches in ${1 + Math.max(...windows)} windows, ${nx} x ${ny} tokens`,
    );
    const row = rows[patch.y * patches.nx + patch.x];
    const [tokenX, tokenY] = [Math.floor(patch.x / merge), Math.floor(patch.y / merge)];
    const value = chosen === undefined ? '' : `; ${chosen.name}: ${digits(chosen.values[row])}`;
    get('image-cell').textContent =
      `patch (${patch.x}, ${patch.y}) in window ${windows[row]}, row ${row} of the tensors; token (${tokenX}, ${tokenY}), ${firstToken + tokenY * nx + tokenX} of the input${value}`;
  }

  /** Chooses a patch, and the token that it belongs to. */
  function choose(x: number, y: number): void {
    const { patches, nx, firstToken } = image();
    patch = { x: within(x, patches.nx), y: within(y, patches.ny) };
    const merge = patches.nx / nx;
    select(firstToken + Math.floor(patch.y / merge) * nx + Math.floor(patch.x / merge));
  }

  function fillLayers(): void {
    const { tensors, attention } = image();
    layerSelect.replaceChildren(
      new Option('the picture', 'picture'),
      ...tensors.map(({ name }, i) => new Option(`norm of ${name}`, `norms ${i}`)),
      ...attention.map(({ layer }, i) => new Option(`attention in layer ${layer}`, `attention ${i}`)),
    );
    patch = { x: 0, y: 0 };
    draw();
  }

  imageSelect.addEventListener('change', fillLayers);
  layerSelect.addEventListener('change', draw);
  canvas.addEventListener('click', (event) => {
    const { patches } = image();
    const [y, x] = cellBelow(event, canvas, patches.ny, patches.nx);
    choose(x, y);
  });
  onArrows(canvas, (rows, cols) => choose(patch.x + cols, patch.y + rows));
  redraws.push(draw);
  fillLayers();
}
