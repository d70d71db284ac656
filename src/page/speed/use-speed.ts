/**
 * @file The speed of the model as state of a view: read each second while the page is visible.
 */
import { useEffect, useState } from 'preact/hooks';
import type { PageModel } from '../model/page-model.ts';
import { rates, type SpeedNumbers } from './numbers.ts';

/** Milliseconds between two readings. */
const PERIOD = 1000;
/** Readings that are kept: two minutes. */
export const KEPT = 120;

/** A reading, and the tokens a second since the one before. */
export interface Reading {
  /** Milliseconds. */
  readonly at: number;
  readonly numbers: SpeedNumbers;
  readonly clock: number;
  readonly computing: number;
}

/** What was read, oldest first, and why it ended. */
interface Speed {
  readonly readings: readonly Reading[];
  /** What failed; reading goes on after `retry`. */
  readonly problem: string | undefined;
  retry(): void;
}

/** Reads the numbers of a model while the view is shown. */
export function useSpeed(model: PageModel): Speed {
  const [readings, setReadings] = useState<readonly Reading[]>([]);
  const [problem, setProblem] = useState<string>();
  const [tries, setTries] = useState(0);
  useEffect(() => {
    setReadings([]);
    setProblem(undefined);
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async () => {
      try {
        const numbers = document.hidden ? undefined : await model.speed(stop.signal);
        if (stop.signal.aborted) return;
        if (numbers !== undefined) setReadings((before) => withReading(before, numbers));
        timer = setTimeout(read, PERIOD);
      } catch (error) {
        if (!stop.signal.aborted) setProblem(error instanceof Error ? error.message : String(error));
      }
    };
    void read();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [model, tries]);
  return { readings, problem, retry: () => setTries(tries + 1) };
}

function withReading(before: readonly Reading[], numbers: SpeedNumbers): readonly Reading[] {
  const now = { at: performance.now(), numbers };
  const last = before.at(-1);
  const found = last === undefined ? { clock: 0, computing: 0 } : rates(last, now);
  return [...before, { ...now, ...found }].slice(-KEPT);
}
