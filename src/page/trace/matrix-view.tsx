/**
 * @file A picture of a tensor; a line below says what the cell under the pointer is.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Picture } from '../../layout/picture.ts';
import { onCellKey } from '../widgets/arrow-keys.ts';
import { cssVariable, onScheme, similarityPalette } from '../widgets/colours.ts';
import { digitsText, t } from '../words/words.ts';
import { cellsOf } from './cells.ts';

/** What the view shows. */
interface MatrixViewProps {
  readonly id: string;
  readonly picture: Picture;
  /** The row with a frame. */
  readonly chosen: number;
  readonly describe: (row: number, col: number) => string;
  readonly onChoose: (row: number) => void;
}

/** The pointer and the arrow keys move; a click or Enter chooses the row. */
export function MatrixView({ id, picture, chosen, describe, onChoose }: MatrixViewProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [cell, setCell] = useState({ row: 0, col: 0 });
  const { rows, cols, width, height } = picture;
  const isSquare = rows === cols;
  const across = Math.max(1, Math.floor((isSquare ? 480 : 960) / width));
  const down = isSquare ? across : Math.max(1, Math.min(12, Math.floor(480 / height)));
  const row = Math.min(cell.row, rows - 1);
  const col = Math.min(cell.col, cols - 1);

  useEffect(() => {
    const draw = () => {
      const context = canvas.current?.getContext('2d');
      if (!context) return;
      const palette = new Uint32Array(similarityPalette().buffer);
      const image = context.createImageData(width * across, height * down);
      const pixels = new Uint32Array(image.data.buffer);
      const cells = cellsOf(picture);
      for (let y = 0, at = 0; y < height * down; y++) {
        const from = Math.floor(y / down) * width;
        for (let x = 0; x < width * across; x++, at++) pixels[at] = palette[cells[from + Math.floor(x / across)]];
      }
      context.putImageData(image, 0, 0);
      context.strokeStyle = cssVariable('--mark');
      context.lineWidth = 2;
      const top = Math.floor((chosen * height) / rows) * down;
      context.strokeRect(1, top, width * across - 2, Math.max(down, 3));
    };
    draw();
    return onScheme(draw);
  }, [picture, chosen]);

  const within = (at: number, n: number) => Math.max(0, Math.min(n - 1, at));
  const move = (row: number, col: number) => setCell({ row: within(row, rows), col: within(col, cols) });
  const onKey = (event: KeyboardEvent) =>
    onCellKey(
      event,
      () => onChoose(row),
      (down, right) => move(row + down, col + right),
    );
  const onMove = (event: PointerEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    const part = (at: number, size: number, n: number) => Math.floor((at / size) * n);
    move(part(event.clientY - box.top, box.height, rows), part(event.clientX - box.left, box.width, cols));
  };
  return (
    <div class="matrix">
      <div
        role="application"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move in it
        tabIndex={0}
        aria-label={t('matrixLabel', { name: picture.name, rows, cols, scale: digitsText(picture.scale) })}
        aria-describedby={id}
        onKeyDown={onKey}
        onClick={() => onChoose(row)}
      >
        <canvas ref={canvas} width={width * across} height={height * down} onPointerMove={onMove} />
      </div>
      <output id={id}>{describe(row, col)}</output>
    </div>
  );
}
