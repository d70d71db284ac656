/**
 * @file The tokens of a trace, of which one is chosen.
 */
import type { Token } from '../model/page-model.ts';
import { t, visible } from '../words/words.ts';

/** What the list shows. */
interface TokenChoiceProps {
  readonly tokens: readonly Token[];
  readonly chosen: number;
  readonly onChoose: (index: number) => void;
}

/** A list box: the pointer, the arrow keys, Home and End choose. */
export function TokenChoice({ tokens, chosen, onChoose }: TokenChoiceProps) {
  const last = tokens.length - 1;
  const onKey = (event: KeyboardEvent) => {
    const [back, on] = [Math.max(0, chosen - 1), Math.min(last, chosen + 1)];
    const to: Record<string, number> = {
      ArrowLeft: back,
      ArrowUp: back,
      ArrowRight: on,
      ArrowDown: on,
      Home: 0,
      End: last,
    };
    if (to[event.key] === undefined) return;
    event.preventDefault();
    onChoose(to[event.key]);
  };
  return (
    <div
      class="chips"
      role="listbox"
      aria-label={t('traceTokens')}
      aria-orientation="horizontal"
      aria-activedescendant={`token-${chosen}`}
      tabIndex={0}
      onKeyDown={onKey}
    >
      {tokens.map(({ text }, i) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the list has the keys
        // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus
        <div key={i} id={`token-${i}`} role="option" aria-selected={i === chosen} onClick={() => onChoose(i)}>
          {visible(text)}
        </div>
      ))}
    </div>
  );
}
