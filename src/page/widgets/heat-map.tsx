/**
 * @file The similarities of texts with each other as a picture.
 */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Thumbnail } from '../pictures/thumbnail.tsx';
import { scoreText, t } from '../words/words.ts';
import { onCellKey } from './arrow-keys.ts';
import { cssVariable, onScheme, similarityPalette } from './colours.ts';

/** What the heat map shows. */
interface HeatMapProps {
  readonly texts: readonly string[];
  /** Cosines, `[n, n]`, by the indices of the texts. */
  readonly values: Float32Array;
  /** The texts from top to bottom and from left to right. */
  readonly order: readonly number[];
  readonly chosen: number;
  /** Called with the text whose row is below the pointer or was entered. */
  readonly onPoint: (index: number) => void;
}

/** Letters of a text in the line about a cell. */
const SHORT = 60;

/** A pixel for each pair. It is drawn once, and not at each move of the pointer. */
function cellsOf(values: Float32Array, order: readonly number[]): HTMLCanvasElement {
  const n = order.length;
  const canvas = document.createElement('canvas');
  canvas.width = n;
  canvas.height = n;
  const palette = new Uint32Array(similarityPalette().buffer);
  const context = canvas.getContext('2d')!;
  const image = context.createImageData(n, n);
  const pixels = new Uint32Array(image.data.buffer);
  for (let y = 0; y < n; y++) {
    const from = order[y] * n;
    for (let x = 0; x < n; x++) {
      const step = Math.round(127.5 * (values[from + order[x]] + 1));
      pixels[y * n + x] = palette[Math.max(0, Math.min(255, step))];
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** A picture with one cell for each pair; a line below says what the cell under the pointer is. */
export function HeatMap({ texts, values, order, chosen, onPoint }: HeatMapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [cell, setCell] = useState({ row: 0, col: 0 });
  const n = order.length;
  const scale = Math.max(1, Math.floor(600 / n));
  const [row, col] = [Math.min(cell.row, n - 1), Math.min(cell.col, n - 1)];

  const [scheme, setScheme] = useState(0);
  useEffect(() => onScheme(() => setScheme((count) => count + 1)), []);
  const cells = useMemo(() => cellsOf(values, order), [values, order, scheme]);

  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) return;
    context.imageSmoothingEnabled = false;
    context.drawImage(cells, 0, 0, n * scale, n * scale);
    context.strokeStyle = cssVariable('--mark');
    context.lineWidth = 2;
    context.strokeRect(1, order.indexOf(chosen) * scale + 1, n * scale - 2, Math.max(2, scale - 2));
    context.strokeRect(col * scale + 1, row * scale + 1, Math.max(2, scale - 2), Math.max(2, scale - 2));
  }, [cells, chosen, row, col, scale]);

  const move = (row: number, col: number) => {
    const within = (at: number) => Math.max(0, Math.min(n - 1, at));
    setCell({ row: within(row), col: within(col) });
  };
  const short = (index: number) => {
    const letters = [...texts[index]];
    return letters.length > SHORT ? `${letters.slice(0, SHORT - 1).join('')}…` : texts[index];
  };
  const onKey = (event: KeyboardEvent) =>
    onCellKey(
      event,
      () => onPoint(order[row]),
      (down, right) => move(row + down, col + right),
    );
  const onMove = (event: PointerEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    const [y, x] = [
      Math.floor(((event.clientY - box.top) / box.height) * n),
      Math.floor(((event.clientX - box.left) / box.width) * n),
    ];
    move(y, x);
    onPoint(order[Math.max(0, Math.min(n - 1, y))]);
  };
  const [a, b] = [order[row], order[col]];
  return (
    <div class="heat">
      <div
        class="keys"
        role="application"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move in it
        tabIndex={0}
        aria-label={t('heatLabel', { count: n })}
        aria-describedby="heat-hint heat-cell"
        onKeyDown={onKey}
      >
        <canvas ref={canvas} width={n * scale} height={n * scale} onPointerMove={onMove} />
      </div>
      <Thumbnail index={a} />
      <Thumbnail index={b} />
      <output id="heat-cell">{`${scoreText(values[a * n + b])}: ${short(a)} ↔ ${short(b)}`}</output>
    </div>
  );
}
