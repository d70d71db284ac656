/**
 * @file The view of a trace: what the model computes of a text, step by step, while the text is typed.
 */
import { signal } from '@preact/signals';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { setSetting, setting } from '../address.ts';
import { setUsesServer } from '../model/choice.ts';
import { dataset, model, PAUSE } from '../state.ts';
import { TraceReport } from '../trace/trace-report.tsx';
import { useLatest } from '../use-latest.ts';
import { exampleTexts } from '../widgets/text-input.tsx';
import { t } from '../words/words.ts';

/** What was typed; `undefined` for the first text of the others. Kept while other views are open. */
const typed = signal<string | undefined>(undefined);

/** Shows the report of one text. */
export function TraceView() {
  const text = typed.value ?? dataset.value.texts[0] ?? exampleTexts[0];
  const by = model.value;
  return (
    <>
      <label>
        {t('traceText')}
        <textarea rows={2} value={text} onInput={({ currentTarget }) => (typed.value = currentTarget.value)} />
      </label>
      {by === undefined && <p class="hint">{t('needModel')}</p>}
      {by !== undefined && by.trace === undefined && (
        <>
          <p class="hint">{t('traceServer')}</p>
          <button type="button" onClick={() => setUsesServer(false)}>
            {t('modelInPage')}
          </button>
        </>
      )}
      {by?.trace !== undefined && <Live key={by} text={text} />}
    </>
  );
}

/** The trace of a text, which follows it. */
function Live({ text }: { text: string }) {
  const [settled, setSettled] = useState(text);
  const isComplete = setting('steps') !== 'engine';
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), PAUSE);
    return () => clearTimeout(timer);
  }, [text]);
  const ask = () => model.value!.trace!(settled, isComplete);
  const { answer: trace, isBusy } = useLatest(ask, [settled, isComplete]);
  // Typing draws nothing of the report again.
  const shown = useMemo(() => trace && <TraceReport {...trace} />, [trace]);
  return (
    <>
      <label>
        {t('traceSteps')}{' '}
        <select
          value={isComplete ? '' : 'engine'}
          onChange={({ currentTarget }) => setSetting('steps', currentTarget.value)}
        >
          <option value="">{t('traceAll')}</option>
          <option value="engine">{t('traceOwn')}</option>
        </select>
      </label>
      <p class="hint" role="status">
        {isBusy || settled !== text ? t('tracing') : ''}
      </p>
      {shown}
    </>
  );
}
