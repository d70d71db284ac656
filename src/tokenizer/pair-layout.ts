/**
 * @file The layout of a pair for reranking that a file gives: a template, or texts that are tokenized one by one.
 */
import { TokenizerError } from './errors.ts';
import { layoutKeys } from './known-rankers.ts';
import type { TokenizerMetadata } from './load-vocab.ts';

/** Where the texts of a pair go: `{query}` and `{document}`. */
export interface PairLayout {
  /** One text, which is tokenized without special tokens around it. */
  readonly template?: string;
  /** Texts that are tokenized one by one, with special tokens around all of them. */
  readonly parts?: readonly string[];
}

/** Placeholders in a layout. Real ones have one or two; the limit keeps a short text from becoming a long one. */
const MAX_PLACEHOLDERS = 16;
const MAX_PARTS = 64;

/** The layout of a file; empty if it has none. @throws TokenizerError for too many placeholders or parts, or a list that is none */
export function readPairLayout(metadata: TokenizerMetadata): PairLayout {
  const template = metadata.string(layoutKeys.template);
  checkPlaceholders(layoutKeys.template, template);
  const list = metadata.string(layoutKeys.parts);
  checkPlaceholders(layoutKeys.parts, list);
  return { template, parts: list === undefined ? undefined : readParts(list) };
}

function checkPlaceholders(key: string, text: string | undefined): void {
  const count = text?.match(/\{query\}|\{document\}/g)?.length ?? 0;
  if (count <= MAX_PLACEHOLDERS) return;
  throw new TokenizerError(`${key} has ${count} placeholders for texts; at most ${MAX_PLACEHOLDERS} are allowed`, key);
}

function readParts(list: string): readonly string[] {
  const key = layoutKeys.parts;
  let parts: unknown;
  try {
    parts = JSON.parse(list);
  } catch (cause) {
    throw new TokenizerError(`${key} is not JSON`, key, { cause });
  }
  if (Array.isArray(parts) && parts.length <= MAX_PARTS && parts.every((part) => typeof part === 'string'))
    return parts;
  throw new TokenizerError(`${key} must be a list of at most ${MAX_PARTS} texts`, key);
}
