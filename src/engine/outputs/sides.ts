/**
 * @file Checks that a model has the outputs that a call asks for, and says how they change the tokens of a query or of a
 * document.
 */
import { hasOwnTokens, type TextSide } from '../../models/index.ts';
import { InputError } from '../errors.ts';
import type { ModelInfo } from '../model-info.ts';
import type { EmbedOptions } from '../types.ts';
import type { OutputHeads } from './passes.ts';

/**
 * What is added to the texts of a call; `undefined` for outputs of texts as they are.
 * @throws InputError for outputs that the model does not have, or not beside each other
 */
export function sideOf(
  { name, outputs, pooling: ownPooling, listwise }: ModelInfo,
  { multi }: OutputHeads,
  { output, pooling = ownPooling, inputType = 'document' }: EmbedOptions,
): TextSide | undefined {
  const wanted = output ?? ['dense'];
  const ranksLists = pooling === 'rank' && listwise !== undefined;
  const isPooled = output === undefined && pooling !== 'none' && !ranksLists;
  const missing = isPooled ? undefined : wanted.find((kind) => !outputs.includes(kind));
  if (missing !== undefined) {
    throw new InputError('option', `${name} has no ${missing} output; it has ${outputs.join(', ')}`);
  }
  if (multi === undefined || !wanted.includes('multi') || !hasOwnTokens(multi)) return undefined;
  const other = wanted.find((kind) => kind !== 'multi');
  if (other === undefined) return multi[inputType];
  const message = `${name} makes multi of other tokens than ${other}: ask for one of them at a time`;
  throw new InputError('option', message);
}
