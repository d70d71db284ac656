/**
 * @file What is wrong with one of many inputs, in the words of the input that the user gave.
 */
import { ContextSizeError, type InputError } from '../../engine/errors.ts';
import type { ImageError } from '../../engine/index.ts';
import { plural } from '../plural.ts';

/**
 * The problem with an input. The engine counts the inputs of a call; users know them by another name.
 * @param name what the user calls the input, as `line 3`
 */
export function problemOfInput(error: InputError | ImageError, name: string): string {
  if (error instanceof ContextSizeError) {
    const { nTokens, nCtx } = error;
    return `${name} is too large: it has ${plural(nTokens, 'token')}, but the context is ${nCtx} (shorten it, or cut it with --truncate end)`;
  }
  const counted = `input ${error.index}`;
  return error.message.includes(counted) ? error.message.replaceAll(counted, name) : `${name}: ${error.message}`;
}
