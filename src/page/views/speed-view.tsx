/**
 * @file The view of the speed: tokens a second, sizes of batches, the queue. Those of a server come from its `/metrics`.
 */
import { useState } from 'preact/hooks';
import type { PageModel } from '../model/page-model.ts';
import { RateChart } from '../speed/rate-chart.tsx';
import { type Reading, useSpeed } from '../speed/use-speed.ts';
import { dataset, model, report } from '../state.ts';
import { exampleTexts } from '../widgets/text-input.tsx';
import type { WordKey } from '../words/en.ts';
import { numberText, secondsText, t } from '../words/words.ts';

/** Texts of a measurement. */
const MEASURED = 64;

/** Shows the model in use at work. */
export function SpeedView() {
  const current = model.value;
  if (current === undefined) return <p class="hint">{t('needModel')}</p>;
  return <SpeedOf key={current} model={current} />;
}

function SpeedOf({ model }: { model: PageModel }) {
  const { readings, problem, retry } = useSpeed(model);
  const last = readings.at(-1);
  return (
    <>
      <p class="hint">{t('speedHint')}</p>
      {!model.isReranker && <Measure model={model} />}
      {problem !== undefined && (
        <div class="controls">
          <p role="alert">{problem}</p>
          <button type="button" onClick={retry}>
            {t('retry')}
          </button>
        </div>
      )}
      {last !== undefined && (
        <>
          <section aria-labelledby="h-rate">
            <h2 id="h-rate">{t('rate')}</h2>
            <RateChart readings={readings} />
            <Table label="rate" rows={rateRows(last)} />
          </section>
          <div class="columns">
            <section aria-labelledby="h-batches">
              <h2 id="h-batches">{t('batches')}</h2>
              <Batches reading={last} />
            </section>
            <section aria-labelledby="h-queue">
              <h2 id="h-queue">{t('queue')}</h2>
              <Table label="queue" rows={queueRows(last)} />
            </section>
          </div>
          {last.numbers.requests !== undefined && (
            <section aria-labelledby="h-routes">
              <h2 id="h-routes">{t('routes')}</h2>
              <Routes reading={last} />
            </section>
          )}
        </>
      )}
    </>
  );
}

type Rows = readonly (readonly [label: WordKey, value: string])[];

function rateRows({ numbers: { tokens, seconds }, clock, computing }: Reading): Rows {
  return [
    ['rateClock', numberText(clock)],
    ['rateComputing', numberText(computing)],
    ['rateMean', numberText(seconds > 0 ? tokens / seconds : 0)],
    ['tokensTotal', numberText(tokens)],
    ['secondsTotal', secondsText(seconds)],
  ];
}

function queueRows({ numbers: { waitingInputs, waitingTokens, requests } }: Reading): Rows {
  return [
    ['waitingInputs', numberText(waitingInputs)],
    ...(waitingTokens === undefined ? [] : ([['waitingTokens', numberText(waitingTokens)]] as const)),
    ...(requests === undefined
      ? []
      : ([
          ['requestsActive', numberText(requests.active)],
          ['requestsRefused', numberText(requests.refused)],
          ['cacheHits', numberText(requests.cacheHits)],
          ['cacheMisses', numberText(requests.cacheMisses)],
        ] as const)),
  ];
}

function Table({ label, rows }: { label: WordKey; rows: Rows }) {
  return (
    <table aria-label={t(label)}>
      <tbody>
        {rows.map(([key, value]) => (
          <tr key={key}>
            <th scope="row">{t(key)}</th>
            <td class="number">{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Batches({ reading }: { reading: Reading }) {
  const { bounds, counts } = reading.numbers.batches;
  const most = Math.max(1, ...counts);
  const shown = counts.map((count, i) => ({ count, from: (bounds[i - 1] ?? 0) + 1, to: bounds[i] }));
  const used = shown.filter(({ count }) => count > 0);
  if (used.length === 0) return <p class="hint">{t('noBatches')}</p>;
  return (
    <table aria-label={t('batches')}>
      <thead>
        <tr>
          <th scope="col">{t('batchTokens')}</th>
          <th scope="col">{t('batchCount')}</th>
          <td />
        </tr>
      </thead>
      <tbody>
        {used.map(({ count, from, to }) => (
          <tr key={from}>
            <th scope="row">
              {to === undefined ? `≥ ${numberText(from)}` : `${numberText(from)} – ${numberText(to)}`}
            </th>
            <td class="number">{numberText(count)}</td>
            <td class="bar" aria-hidden="true">
              <div style={{ width: `${(100 * count) / most}%` }} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Routes({ reading }: { reading: Reading }) {
  const routes = reading.numbers.requests!.routes;
  return (
    <table aria-label={t('routes')}>
      <thead>
        <tr>
          <th scope="col">{t('route')}</th>
          <th scope="col">{t('routeCount')}</th>
          <th scope="col">{t('routeMean')}</th>
        </tr>
      </thead>
      <tbody>
        {routes.map(({ route, count, seconds }) => (
          <tr key={route}>
            <th scope="row">{route}</th>
            <td class="number">{numberText(count)}</td>
            <td class="number">{secondsText(count > 0 ? seconds / count : 0)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Measure({ model }: { model: PageModel }) {
  const [isBusy, setBusy] = useState(false);
  const [found, setFound] = useState('');
  const measure = async () => {
    setBusy(true);
    setFound('');
    const { texts: own } = dataset.value;
    const source = own.length > 0 ? own : exampleTexts;
    // Numbers make the texts differ: a server may answer equal ones from its cache.
    const salt = Date.now() % 1e6;
    const texts = Array.from({ length: MEASURED }, (_, i) => `${salt + i} ${source[i % source.length]}`);
    try {
      const start = performance.now();
      await model.embed(texts);
      const seconds = (performance.now() - start) / 1000;
      setFound(t('measured', { count: MEASURED, seconds: secondsText(seconds), rate: numberText(MEASURED / seconds) }));
    } catch (error) {
      report(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="controls">
      <button type="button" disabled={isBusy} onClick={measure}>
        {t('measure', { count: MEASURED })}
      </button>
      <p role="status">{found}</p>
    </div>
  );
}
