/**
 * @file The plane with its points: dragging moves it, the wheel zooms, a lasso selects, and the keyboard does all but the lasso.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Picture } from '../pictures/pictures.ts';
import { cssVariable, onScheme } from '../widgets/colours.ts';
import { t } from '../words/words.ts';
import type { Label } from './labels.ts';
import { createPainter, type Painter } from './painter.ts';
import { fitAll, pointAt, pointTowards, toPlane, toScreen, type Viewport, zoomAt } from './viewport.ts';

/** What the plane shows. */
interface ScatterProps {
  readonly positions: Float32Array;
  /** Four bytes for each point. */
  readonly colours: Uint8Array;
  readonly labels: readonly Label[];
  /** Shown at the points with their indices. */
  readonly pictures: ReadonlyMap<number, Picture>;
  /** The point with a ring; −1 for none. */
  readonly chosen: number;
  /** Where a query lies on the plane. */
  readonly query: readonly [number, number] | undefined;
  readonly isLasso: boolean;
  /** What is shown; `undefined` for all points. */
  readonly view: Viewport | undefined;
  readonly onView: (view: Viewport | undefined) => void;
  readonly onChoose: (index: number) => void;
  /** Called with the line of the lasso on the plane, x and y in turn. */
  readonly onLasso: (line: readonly number[]) => void;
}

/** Pixels from the pointer in which a point counts as below it. */
const REACH = 14;
const ZOOM = 1.4;
/** Pixels of the longer side of a picture on the map. */
const PICTURE_SIDE = 40;

/** Radius of a point in pixels: small where there are many. */
export const pointRadius = (n: number) => (n > 20_000 ? 1.5 : n > 2000 ? 2.5 : n > 300 ? 4 : 6);

const arrows: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
};

/** Two canvases: one for the points, one over it for the rest. */
export function Scatter(props: ScatterProps) {
  const { positions, colours, labels, pictures, chosen, query, isLasso, view, onView, onChoose, onLasso } = props;
  const box = useRef<HTMLDivElement>(null);
  const below = useRef<HTMLCanvasElement>(null);
  const above = useRef<HTMLCanvasElement>(null);
  const painter = useRef<Painter>();
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [line, setLine] = useState<readonly number[]>([]);
  const drag = useRef<{ x: number; y: number; isMoved: boolean }>();
  const shown = view ?? fitAll(positions, size);
  const latest = useRef({ shown, size, onView });
  latest.current = { shown, size, onView };
  const [scheme, setScheme] = useState(0);
  useEffect(() => onScheme(() => setScheme((n) => n + 1)), []);

  useEffect(() => {
    const observer = new ResizeObserver(([{ contentRect }]) => {
      setSize({ width: contentRect.width, height: contentRect.height });
    });
    observer.observe(box.current!);
    // Preact's own listener is passive, and could not keep the page from scrolling.
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const { shown, size, onView } = latest.current;
      onView(zoomAt(shown, size, Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY));
    };
    const element = box.current!;
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => {
      observer.disconnect();
      element.removeEventListener('wheel', onWheel);
    };
  }, []);

  useEffect(() => {
    painter.current ??= createPainter(below.current!);
    painter.current.setPoints({ positions, colours });
  }, [positions, colours]);

  useEffect(() => {
    if (size.width === 0) return;
    const frame = requestAnimationFrame(() => {
      painter.current!.paint(shown, size, pointRadius(positions.length / 2), devicePixelRatio);
      drawAbove();
    });
    return () => cancelAnimationFrame(frame);
  }, [positions, colours, labels, chosen, query, line, size, scheme, shown.x, shown.y, shown.scale]);

  function drawAbove(): void {
    const canvas = above.current!;
    canvas.width = Math.round(size.width * devicePixelRatio);
    canvas.height = Math.round(size.height * devicePixelRatio);
    const context = canvas.getContext('2d')!;
    context.scale(devicePixelRatio, devicePixelRatio);
    for (const [i, { thumbnail }] of pictures) {
      const [x, y] = toScreen(shown, size, positions[2 * i], positions[2 * i + 1]);
      const shrink = PICTURE_SIDE / Math.max(thumbnail.width, thumbnail.height);
      const [width, height] = [thumbnail.width * shrink, thumbnail.height * shrink];
      context.drawImage(thumbnail, x - width / 2, y - height / 2, width, height);
    }
    context.lineWidth = 2;
    if (chosen >= 0) {
      context.strokeStyle = cssVariable('--text');
      ring(context, positions[2 * chosen], positions[2 * chosen + 1], pointRadius(positions.length / 2) + 3);
    }
    if (query !== undefined) {
      context.strokeStyle = cssVariable('--warn');
      ring(context, query[0], query[1], 9);
      ring(context, query[0], query[1], 3);
    }
    context.font = '600 13px system-ui, sans-serif';
    context.textAlign = 'center';
    context.lineJoin = 'round';
    for (const { text, x, y } of labels) {
      const [sx, sy] = toScreen(shown, size, x, y);
      context.strokeStyle = cssVariable('--back');
      context.lineWidth = 4;
      context.strokeText(text, sx, sy);
      context.fillStyle = cssVariable('--text');
      context.fillText(text, sx, sy);
    }
    if (line.length < 4) return;
    context.strokeStyle = cssVariable('--mark');
    context.lineWidth = 2;
    context.beginPath();
    for (let i = 0; i < line.length; i += 2) context.lineTo(...toScreen(shown, size, line[i], line[i + 1]));
    context.closePath();
    context.stroke();
  }
  function ring(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
    context.beginPath();
    context.arc(...toScreen(shown, size, x, y), radius, 0, 2 * Math.PI);
    context.stroke();
  }

  const onDown = (event: PointerEvent) => {
    box.current!.setPointerCapture(event.pointerId);
    drag.current = { x: event.offsetX, y: event.offsetY, isMoved: false };
    if (isLasso || event.shiftKey) setLine(toPlane(shown, size, event.offsetX, event.offsetY));
  };
  const onMove = (event: PointerEvent) => {
    const { offsetX: x, offsetY: y } = event;
    const from = drag.current;
    if (from === undefined) {
      const index = pointAt(positions, shown, size, x, y, REACH);
      if (index >= 0) onChoose(index);
      return;
    }
    if (line.length > 0) setLine([...line, ...toPlane(shown, size, x, y)]);
    else if (from.isMoved || Math.hypot(x - from.x, y - from.y) > 3) {
      onView({ ...shown, x: shown.x - (x - from.x) / shown.scale, y: shown.y + (y - from.y) / shown.scale });
      drag.current = { x, y, isMoved: true };
    }
  };
  const onUp = (event: PointerEvent) => {
    const from = drag.current;
    drag.current = undefined;
    if (line.length > 0) {
      onLasso(line);
      setLine([]);
    } else if (from !== undefined && !from.isMoved) {
      const index = pointAt(positions, shown, size, event.offsetX, event.offsetY, REACH);
      if (index >= 0) onChoose(index);
    }
  };
  const zoom = (factor: number) => onView(zoomAt(shown, size, factor, size.width / 2, size.height / 2));
  const onKey = (event: KeyboardEvent) => {
    const step = arrows[event.key];
    if (event.key === '+' || event.key === '=') zoom(ZOOM);
    else if (event.key === '-') zoom(1 / ZOOM);
    else if (event.key === '0') onView(undefined);
    else if (step !== undefined) {
      event.preventDefault();
      const next = chosen < 0 ? 0 : pointTowards(positions, chosen, ...step);
      if (next >= 0) onChoose(next);
    }
  };
  return (
    <div class="scatter">
      <div
        ref={box}
        class="plane"
        role="application"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move in it
        tabIndex={0}
        aria-label={t('mapLabel', { count: positions.length / 2 })}
        aria-describedby="map-hint map-text"
        onKeyDown={onKey}
        onPointerDown={onDown}
        onPointerMove={onMove}
        onPointerUp={onUp}
      >
        <canvas ref={below} />
        <canvas ref={above} />
      </div>
      <div class="controls">
        <button type="button" onClick={() => zoom(ZOOM)} aria-label={t('zoomIn')}>
          +
        </button>
        <button type="button" onClick={() => zoom(1 / ZOOM)} aria-label={t('zoomOut')}>
          −
        </button>
        <button type="button" onClick={() => onView(undefined)}>
          {t('showAll')}
        </button>
      </div>
    </div>
  );
}
