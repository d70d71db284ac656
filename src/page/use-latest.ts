/**
 * @file The answer to the latest of many questions: while a slider moves, questions that are out of date are never asked.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { report } from './state.ts';

/**
 * The answer of `ask` for the newest `inputs`, or for the ones before until it is there, and whether it is on its way. One question waits at a
 * time.
 */
export function useLatest<Answer>(
  ask: () => Promise<Answer>,
  inputs: readonly unknown[],
): { readonly answer: Answer | undefined; readonly isBusy: boolean } {
  const [answer, setAnswer] = useState<Answer>();
  const [isBusy, setBusy] = useState(false);
  const state = useRef({ ask, isBusy: false, isOld: false, isGone: false });
  state.current.ask = ask;
  useEffect(() => {
    const now = state.current;
    now.isGone = false;
    return () => {
      now.isGone = true;
    };
  }, []);
  useEffect(() => {
    const now = state.current;
    now.isOld = true;
    if (now.isBusy) return;
    now.isBusy = true;
    setBusy(true);
    const work = async () => {
      while (now.isOld && !now.isGone) {
        now.isOld = false;
        const found = await now.ask();
        if (!now.isGone) setAnswer(() => found);
      }
    };
    work()
      .catch(report)
      .finally(() => {
        now.isBusy = false;
        if (!now.isGone) setBusy(false);
      });
  }, inputs);
  return { answer, isBusy };
}
