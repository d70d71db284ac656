/**
 * @file A list of texts of which one is chosen.
 */
import { useEffect, useRef } from 'preact/hooks';
import { Thumbnail } from '../pictures/thumbnail.tsx';
import { t } from '../words/words.ts';

/** Rows of the list; the map shows what goes beyond it. */
export const LIST_LIMIT = 500;

/** What the list shows. */
interface TextChoiceProps {
  readonly texts: readonly string[];
  readonly chosen: number;
  readonly onChoose: (index: number) => void;
}

/** A list box: the pointer, the arrow keys, Home and End choose. */
export function TextChoice({ texts, chosen, onChoose }: TextChoiceProps) {
  const list = useRef<HTMLDivElement>(null);
  const n = Math.min(texts.length, LIST_LIMIT);
  useEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  const onKey = (event: KeyboardEvent) => {
    const to: Record<string, number> = { ArrowUp: chosen - 1, ArrowDown: chosen + 1, Home: 0, End: n - 1 };
    if (to[event.key] === undefined) return;
    event.preventDefault();
    onChoose(Math.max(0, Math.min(n - 1, to[event.key])));
  };
  return (
    <div
      ref={list}
      class="choice"
      role="listbox"
      aria-label={t('list')}
      aria-activedescendant={`text-${chosen}`}
      tabIndex={0}
      onKeyDown={onKey}
    >
      {texts.slice(0, n).map((text, i) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the list has the keys
        // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus
        <div key={i} id={`text-${i}`} role="option" aria-selected={i === chosen} onClick={() => onChoose(i)}>
          <Thumbnail index={i} />
          {text}
        </div>
      ))}
    </div>
  );
}
