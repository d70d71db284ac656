/**
 * @file The script of the page of texts. The page holds the source of this one function, so it uses nothing from outside of it.
 */
import type { pageBase } from '../report/client-base.ts';
import type { vectorTools } from './client-vectors.ts';
import type { TextMapData } from './data.ts';

/**
 * Draws the texts whose data is in the page.
 * @param makeBase `pageBase`, and
 * @param tools `vectorTools`: the page has their sources, too
 */
export function drawTexts(makeBase: typeof pageBase, tools: typeof vectorTools): void {
  const base = makeBase();
  const { get, visible, digits, variable, colour, within, onArrows, cellBelow } = base;
  const data: TextMapData = JSON.parse(get('data').textContent ?? '');
  const { texts, positions, variance } = data;
  const n = texts.length;
  const { similarity, similaritiesOf, heat } = tools(data);
  const inOrder = texts.map((_, i) => i);
  let order: readonly number[] = inOrder;
  let chosen = 0;
  let cell = { row: 0, col: 0 };
  const short = (i: number) => {
    const letters = [...visible(texts[i])];
    return letters.length > 60 ? `${letters.slice(0, 59).join('')}…` : letters.join('');
  };

  get('model').textContent = data.model;
  get('about').textContent = `${n} texts · ${data.dimensions} values each`;
  const mark = base.listOf(get('texts'), texts, (index) => select(index));

  const find = get<HTMLInputElement>('find');
  /** Chooses the next text, from `start` on, that has what is looked for. */
  function seek(start: number): void {
    const wanted = find.value.toLowerCase();
    if (wanted === '') return;
    for (let i = 0; i < n; i++) {
      const at = (start + i) % n;
      if (!texts[at].toLowerCase().includes(wanted)) continue;
      select(at);
      return;
    }
  }
  find.addEventListener('input', () => seek(chosen));
  find.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') seek(chosen + 1);
  });

  // Similarities.
  const whole = get<HTMLCanvasElement>('similarity');
  const detail = get<HTMLCanvasElement>('detail');
  const side = Math.min(n, 480);
  const near = Math.min(n, 32);
  const scale = Math.max(1, Math.floor(480 / side));
  detail.hidden = n <= side;
  get('joined').hidden = n <= side;

  /** A picture of similarities, `scale` pixels a cell. */
  function pictureOf(values: Float32Array, size: number, scale: number): ImageData {
    const image = new ImageData(size * scale, size * scale);
    const palette = Array.from({ length: 256 }, (_, byte) => [...colour(byte), 255]);
    for (let y = 0; y < image.height; y++) {
      const row = Math.floor(y / scale) * size;
      for (let x = 0; x < image.width; x++) {
        const byte = 128 + Math.round(127 * Math.max(-1, Math.min(1, values[row + Math.floor(x / scale)])));
        image.data.set(palette[byte], 4 * (y * image.width + x));
      }
    }
    return image;
  }
  function paint(canvas: HTMLCanvasElement, image: ImageData, label: string): void {
    canvas.width = image.width;
    canvas.height = image.height;
    canvas.getContext('2d')!.putImageData(image, 0, 0);
    canvas.setAttribute('aria-label', label);
  }
  let overview = pictureOf(heat(order, 0, 0, n, side), side, scale);
  function frame(canvas: HTMLCanvasElement, x: number, y: number, width: number, height: number): void {
    const context = canvas.getContext('2d')!;
    context.strokeStyle = variable('--mark');
    context.lineWidth = 2;
    context.strokeRect(x + 1, y + 1, Math.max(2, width - 2), Math.max(2, height - 2));
  }
  function drawWhole(): void {
    paint(whole, overview, `Similarities of ${n} texts with each other`);
    const size = (side * scale) / n;
    frame(whole, 0, order.indexOf(chosen) * size, whole.width, size);
    frame(whole, cell.col * size, cell.row * size, size, size);
  }
  function drawDetail(): void {
    if (n <= side) return;
    const [top, left] = [cell.row, cell.col].map((at) => within(at - near / 2, n - near + 1));
    paint(
      detail,
      pictureOf(heat(order, top, left, near, near), near, 10),
      `Similarities of ${near} texts around the cell`,
    );
    frame(detail, (cell.col - left) * 10, (cell.row - top) * 10, 10, 10);
  }
  function point(row: number, col: number): void {
    cell = { row: within(row, n), col: within(col, n) };
    const [a, b] = [order[cell.row], order[cell.col]];
    get('similarity-cell').textContent = `${digits(similarity(a, b))}: ${short(a)} (${a}) ↔ ${short(b)} (${b})`;
    drawWhole();
    drawDetail();
  }
  whole.addEventListener('pointermove', (event) => point(...cellBelow(event, whole, n, n)));
  whole.addEventListener('click', () => select(order[cell.row]));
  whole.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') select(order[cell.row]);
  });
  onArrows(whole, (rows, cols) => point(cell.row + rows, cell.col + cols));
  const sorted = get<HTMLInputElement>('sorted');
  sorted.disabled = data.order.length === 0;
  sorted.addEventListener('change', () => {
    order = sorted.checked ? data.order : inOrder;
    overview = pictureOf(heat(order, 0, 0, n, side), side, scale);
    point(order.indexOf(chosen), order.indexOf(chosen));
  });

  // The plane.
  const plane = get<HTMLCanvasElement>('plane');
  const [width, height, margin] = [960, 600, 24];
  plane.width = width;
  plane.height = height;
  const range = (axis: number) => {
    const values = inOrder.map((i) => positions[2 * i + axis]);
    const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
    return { middle: (low + high) / 2, size: high - low };
  };
  const [across, up] = [range(0), range(1)];
  // One scale for both axes, so that distances in the plane mean the same in every direction.
  const unit = Math.min((width - 2 * margin) / (across.size || 1), (height - 2 * margin) / (up.size || 1));
  const places = inOrder.map((i) => ({
    x: width / 2 + (positions[2 * i] - across.middle) * unit,
    y: height / 2 - (positions[2 * i + 1] - up.middle) * unit,
  }));
  function drawPlane(): void {
    const context = plane.getContext('2d')!;
    context.clearRect(0, 0, width, height);
    context.font = '13px system-ui, sans-serif';
    const like = similaritiesOf(chosen);
    const radius = n > 1000 ? 3 : 5;
    const dot = (i: number, size: number, fill: string) => {
      context.beginPath();
      context.arc(places[i].x, places[i].y, size, 0, 2 * Math.PI);
      context.fillStyle = fill;
      context.fill();
      context.strokeStyle = variable('--soft');
      context.stroke();
    };
    for (const i of inOrder) {
      const byte = 128 + Math.round(127 * Math.max(-1, Math.min(1, like[i])));
      dot(i, radius, `rgb(${colour(byte).map(Math.round).join(' ')})`);
    }
    dot(chosen, radius + 3, variable('--mark'));
    context.fillStyle = variable('--text');
    for (const i of n <= 40 ? inOrder : [chosen]) {
      const text = [...short(i)].slice(0, 32).join('');
      const isRight = places[i].x > width * 0.7;
      context.textAlign = isRight ? 'right' : 'left';
      context.fillText(text, places[i].x + (isRight ? -12 : 12), places[i].y + 4);
    }
    plane.setAttribute('aria-label', `${n} texts in the plane; chosen: ${short(chosen)}`);
  }
  function closest(x: number, y: number): number {
    const far = (i: number) => (places[i].x - x) ** 2 + (places[i].y - y) ** 2;
    return inOrder.reduce((best, i) => (far(i) < far(best) ? i : best));
  }
  const under = (event: MouseEvent) => {
    const box = plane.getBoundingClientRect();
    return closest(((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height);
  };
  const say = (i: number) => {
    get('plane-text').textContent = `${short(i)} (${i}), similarity ${digits(similarity(chosen, i))}`;
  };
  plane.addEventListener('pointermove', (event) => say(under(event)));
  plane.addEventListener('click', (event) => select(under(event)));
  /** The nearest text in a direction, at most 45 degrees off. */
  onArrows(plane, (rows, cols) => {
    const from = places[chosen];
    let [next, least] = [-1, Number.POSITIVE_INFINITY];
    for (const i of inOrder) {
      const [x, y] = [places[i].x - from.x, places[i].y - from.y];
      const ahead = x * cols + y * rows;
      const aside = Math.abs(x * rows) + Math.abs(y * cols);
      if (i !== chosen && ahead > 0 && aside <= ahead && ahead + aside < least) [next, least] = [i, ahead + aside];
    }
    if (next >= 0) select(next);
  });
  const percent = (part: number) => `${Math.round(100 * part)} %`;
  get('variance').textContent =
    `The first two principal axes; they show ${percent(variance[0])} and ${percent(variance[1])} of the variance.`;

  function select(index: number): void {
    chosen = index;
    mark(chosen);
    const like = similaritiesOf(chosen);
    const nearest = inOrder.filter((i) => i !== chosen).sort((a, b) => like[b] - like[a]);
    get('nearest').replaceChildren(
      ...nearest.slice(0, 10).map((i) => {
        const button = document.createElement('button');
        button.textContent = `${digits(like[i])} ${short(i)}`;
        button.addEventListener('click', () => select(i));
        const item = document.createElement('li');
        item.append(button);
        return item;
      }),
    );
    point(order.indexOf(chosen), cell.col);
    say(chosen);
    drawPlane();
  }
  base.dark.addEventListener('change', () => {
    overview = pictureOf(heat(order, 0, 0, n, side), side, scale);
    select(chosen);
  });
  select(0);
}
