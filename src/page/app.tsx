/**
 * @file The page: its heading, the model, and one view at a time.
 */
import { useSignal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { ModelPanel } from './model/model-panel.tsx';
import { status } from './state.ts';
import { ApiView } from './views/api-view.tsx';
import { TextsView } from './views/texts-view.tsx';
import type { WordKey } from './words/en.ts';
import { t } from './words/words.ts';

/** The views, from left to right. The key is the name in the address, too. */
const views = { texts: TextsView, api: ApiView } satisfies Partial<Record<WordKey, ComponentType>>;
type ViewName = keyof typeof views;
const names = Object.keys(views) as ViewName[];

function viewInAddress(): ViewName {
  const name = location.hash.slice(1);
  return names.find((one) => one === name) ?? 'texts';
}

/** The whole page. */
export function App() {
  const view = useSignal(viewInAddress());
  useEffect(() => {
    const follow = () => {
      view.value = viewInAddress();
    };
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  const open = (name: ViewName) => {
    history.replaceState(null, '', `#${name}`);
    view.value = name;
  };
  const onKey = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1 };
    const step = steps[event.key];
    if (step === undefined) return;
    const next = names[(names.indexOf(view.value) + step + names.length) % names.length];
    open(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  const View = views[view.value];
  return (
    <>
      <a class="skip" href="#view">
        {t('skip')}
      </a>
      <header>
        <h1>{t('title')}</h1>
        <ModelPanel />
        <div role="tablist" aria-label={t('views')} onKeyDown={onKey}>
          {names.map((name) => (
            <button
              key={name}
              type="button"
              role="tab"
              id={`tab-${name}`}
              aria-selected={view.value === name}
              aria-controls="view"
              tabIndex={view.value === name ? 0 : -1}
              onClick={() => open(name)}
            >
              {t(name)}
            </button>
          ))}
        </div>
      </header>
      <p role="status" class={status.value.isProblem ? 'problem' : ''}>
        {status.value.text}
      </p>
      <main id="view" role="tabpanel" aria-labelledby={`tab-${view.value}`} tabIndex={-1}>
        <View />
      </main>
    </>
  );
}
