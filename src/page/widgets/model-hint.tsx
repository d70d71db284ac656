/**
 * @file What a view that needs vectors says while there are none.
 */
import { model } from '../state.ts';
import { t } from '../words/words.ts';

/** Asks for a model, or for another one; nothing if the model makes vectors. */
export function ModelHint() {
  const current = model.value;
  if (current !== undefined && !current.isReranker) return null;
  return <p class="hint">{t(current === undefined ? 'needModel' : 'needEmbedder')}</p>;
}
