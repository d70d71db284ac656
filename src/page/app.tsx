/**
 * @file The page: its heading, the model, and one view at a time.
 */
import type { ComponentType } from 'preact';
import { address, link, openView } from './address.ts';
import { ModelPanel } from './model/model-panel.tsx';
import { status } from './state.ts';
import { ApiView } from './views/api-view.tsx';
import { DimensionsView } from './views/dimensions-view.tsx';
import { MapView } from './views/map-view.tsx';
import { RerankView } from './views/rerank-view.tsx';
import { SpeedView } from './views/speed-view.tsx';
import { TextsView } from './views/texts-view.tsx';
import { TraceView } from './views/trace-view.tsx';
import { useCopy } from './widgets/copy.ts';
import type { WordKey } from './words/en.ts';
import { t } from './words/words.ts';

/** The views, from left to right. The key is the name in the address, too. */
const views = {
  texts: TextsView,
  map: MapView,
  rerank: RerankView,
  dimensions: DimensionsView,
  trace: TraceView,
  speed: SpeedView,
  api: ApiView,
} satisfies Partial<Record<WordKey, ComponentType>>;
type ViewName = keyof typeof views;
const names = Object.keys(views) as ViewName[];

function viewInAddress(): ViewName {
  return names.find((one) => one === address.value.view) ?? 'texts';
}

/** The whole page. */
export function App() {
  const view = viewInAddress();
  const onKey = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1 };
    const step = steps[event.key];
    if (step === undefined) return;
    const next = names[(names.indexOf(view) + step + names.length) % names.length];
    openView(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  const View = views[view];
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('view')?.focus()}>
        {t('skip')}
      </button>
      <header>
        <h1>{t('title')}</h1>
        <ModelPanel />
        <CopyLink />
        <div role="tablist" aria-label={t('views')} onKeyDown={onKey}>
          {names.map((name) => (
            <button
              key={name}
              type="button"
              role="tab"
              id={`tab-${name}`}
              aria-selected={view === name}
              aria-controls="view"
              tabIndex={view === name ? 0 : -1}
              onClick={() => openView(name)}
            >
              {t(name)}
            </button>
          ))}
        </div>
      </header>
      <p role="status" class={status.value.isProblem ? 'problem' : ''}>
        {status.value.text}
      </p>
      <main>
        <div id="view" role="tabpanel" aria-labelledby={`tab-${view}`} tabIndex={-1}>
          <View />
        </div>
      </main>
    </>
  );
}

function CopyLink() {
  const { isCopied, copy } = useCopy(t('linkRefused'));
  return (
    <button type="button" class="link" onClick={() => copy(link())} title={t('linkHint')}>
      {t(isCopied ? 'copied' : 'copyLink')}
    </button>
  );
}
