/**
 * @file The tokens of a text as coloured pieces with their ids.
 */
import { useEffect, useState } from 'preact/hooks';
import type { PageModel, Token } from '../model/page-model.ts';
import { report } from '../state.ts';
import { t, visible } from '../words/words.ts';

/** Pieces beyond this number are left out, so that a long text does not fill the page. */
const LIMIT = 2000;

/** Asks the model for the tokens whenever the text changes. */
export function TokenList({ model, text }: { model: PageModel; text: string }) {
  const [tokens, setTokens] = useState<readonly Token[]>([]);
  useEffect(() => {
    let isCurrent = true;
    model.tokenize(text).then((found) => isCurrent && setTokens(found), report);
    return () => {
      isCurrent = false;
    };
  }, [model, text]);
  return (
    <section aria-labelledby="h-tokens">
      <h2 id="h-tokens">{t('tokens')}</h2>
      <p class="hint">{t('tokenCount', { count: tokens.length })}</p>
      <ol class="tokens">
        {tokens.slice(0, LIMIT).map(({ id, text: piece }, i) => (
          <li key={i} class={`piece hue-${i % 6}`}>
            <span>{visible(piece)}</span> <small>{id}</small>
          </li>
        ))}
      </ol>
    </section>
  );
}
