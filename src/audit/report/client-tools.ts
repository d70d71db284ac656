/**
 * @file Pictures and charts of a report. The page contains the source of this function, so the function uses nothing outside itself.
 */
import type { Picture } from '../../layout/picture.ts';
import type { PageBase } from './client-base.ts';

/** What the page gives its pictures. */
interface ReportPage {
  readonly base: PageBase;
  /** Chooses a token. */
  readonly select: (token: number) => void;
  /** The chosen one. */
  readonly token: () => number;
  /** Called when another token is chosen, or the colours change. */
  readonly redraws: (() => void)[];
}

/** The functions that draw. */
export function reportTools(page: ReportPage) {
  const { digits, variable, colour, within, onArrows, cellBelow } = page.base;
  /** Bytes of a picture, decoded once. */
  const decoded = new Map<Picture, Uint8Array>();
  function cellsOf(picture: Picture): Uint8Array {
    const known = decoded.get(picture);
    if (known !== undefined) return known;
    const bytes = Uint8Array.from(atob(picture.cells), (c) => c.charCodeAt(0));
    decoded.set(picture, bytes);
    return bytes;
  }
  function valueAt(picture: Picture, row: number, col: number): number {
    const y = Math.floor((row * picture.height) / picture.rows);
    const byte = cellsOf(picture)[y * picture.width + Math.floor((col * picture.width) / picture.cols)];
    return byte === 0 ? Number.NaN : ((byte - 128) / 127) * picture.scale;
  }

  /** A canvas with a picture, a marked row, and a cell that the pointer or the arrow keys choose. */
  function pictureView(canvas: HTMLCanvasElement, output: HTMLElement, describe: (row: number, col: number) => string) {
    let picture: Picture | undefined;
    let cell = { row: 0, col: 0 };
    function draw(): void {
      if (picture === undefined) return;
      const { width, height } = picture;
      const isSquare = picture.rows === picture.cols;
      const across = Math.max(1, Math.floor((isSquare ? 480 : 960) / width));
      const down = isSquare ? across : Math.max(1, Math.min(12, Math.floor(480 / height)));
      canvas.width = width * across;
      canvas.height = height * down;
      const context = canvas.getContext('2d')!;
      const image = context.createImageData(canvas.width, canvas.height);
      const cells = cellsOf(picture);
      for (let y = 0; y < canvas.height; y++) {
        for (let x = 0; x < canvas.width; x++) {
          const byte = cells[Math.floor(y / down) * width + Math.floor(x / across)];
          image.data.set([...colour(byte), 255], 4 * (y * canvas.width + x));
        }
      }
      context.putImageData(image, 0, 0);
      context.strokeStyle = variable('--mark');
      context.lineWidth = 2;
      const y = Math.floor((page.token() * height) / picture.rows) * down;
      context.strokeRect(1, y, canvas.width - 2, Math.max(down, 3));
      canvas.setAttribute(
        'aria-label',
        `${picture.name}: ${picture.rows} rows, ${picture.cols} columns, up to ${digits(picture.scale)}`,
      );
    }
    function show(): void {
      if (picture !== undefined) output.textContent = describe(cell.row, cell.col);
    }
    function choose(row: number, col: number): void {
      if (picture === undefined) return;
      cell = { row: within(row, picture.rows), col: within(col, picture.cols) };
      show();
    }
    canvas.addEventListener('pointermove', (event) => {
      if (picture === undefined) return;
      choose(...cellBelow(event, canvas, picture.rows, picture.cols));
    });
    canvas.addEventListener('click', () => page.select(cell.row));
    canvas.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') page.select(cell.row);
    });
    onArrows(canvas, (rows, cols) => choose(cell.row + rows, cell.col + cols));
    page.redraws.push(draw);
    return {
      set(next: Picture) {
        picture = next;
        choose(cell.row, cell.col);
        draw();
      },
    };
  }

  /** A canvas for bars and lines, with its labels at the left. */
  function chart(id: string, height: number, label: string) {
    const canvas = document.getElementById(id) as HTMLCanvasElement;
    canvas.width = 960;
    canvas.height = height;
    canvas.setAttribute('aria-label', label);
    const context = canvas.getContext('2d')!;
    context.clearRect(0, 0, canvas.width, height);
    context.font = '13px system-ui, sans-serif';
    return context;
  }
  function bars(id: string, values: readonly number[], height: number, label: string, marked = -1): void {
    const context = chart(id, height, label);
    const finite = values.filter(Number.isFinite);
    const top = Math.max(0, ...finite);
    const range = top - Math.min(0, ...finite) || 1;
    const zero = 4 + (top / range) * (height - 8);
    for (const [i, value] of values.entries()) {
      const [x, next] = [(i / values.length) * 960, ((i + 1) / values.length) * 960];
      context.fillStyle = i === marked ? variable('--warn') : variable('--mark');
      const size = (value / range) * (height - 8);
      context.fillRect(
        x,
        size > 0 ? zero - size : zero,
        Math.max(1, next - x - (next - x > 4 ? 1 : 0)),
        Math.max(1, Math.abs(size)),
      );
    }
  }

  return { pictureView, valueAt, chart, bars };
}
