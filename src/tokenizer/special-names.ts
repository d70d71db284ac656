/**
 * @file Tokens that llama.cpp recognises by their text, whatever type the file gives them.
 */
import type { TokenTable } from './token-table.ts';
import { utf8 } from './utf8.ts';
import { Attribute } from './vocab.ts';

/** End-of-generation tokens: each becomes a control token. */
const endNames = [
  '<|eot_id|>',
  '<|im_end|>',
  '<|end|>',
  '<|return|>',
  '<|call|>',
  '<|flush|>',
  '<|calls|>',
  '<end_of_turn>',
  '<|endoftext|>',
  '</s>',
  '<|eom_id|>',
  '<EOT>',
  '_<EOT>',
  '[EOT]',
  '[EOS]',
  '<|end_of_text|>',
  '<end_of_utterance>',
  '<eos>',
  '<turn|>',
  '<|tool_response>',
  '<｜end▁of▁sentence｜>',
  '[e~[',
] as const;

/**
 * Other roles: from each list, one name that the vocabulary has becomes a control token. If it has several, llama.cpp's
 * choice depends on the order of a hash map; here it is the first.
 */
const roleNames = [
  [
    '<|fim_prefix|>',
    '<fim-prefix>',
    '<fim_prefix>',
    '<｜fim▁begin｜>',
    '<PRE>',
    '▁<PRE>',
    '<|code_prefix|>',
    '<|prefix|>',
  ],
  [
    '<|fim_suffix|>',
    '<fim-suffix>',
    '<fim_suffix>',
    '<｜fim▁hole｜>',
    '<SUF>',
    '▁<SUF>',
    '<|code_suffix|>',
    '<|suffix|>',
  ],
  [
    '<|fim_middle|>',
    '<fim-middle>',
    '<fim_middle>',
    '<｜fim▁end｜>',
    '<MID>',
    '▁<MID>',
    '<|code_middle|>',
    '<|middle|>',
  ],
  ['<|fim_pad|>', '<fim-pad>', '<fim_pad>', '<PAD>', '[PAD]'],
  ['<|fim_repo|>', '<|repo_name|>', '<fim-repo>', '<REPO>', '<reponame>'],
  ['<|file_sep|>'],
] as const;

/** If the vocabulary has both tokens of a pair, `<|end|>` ends a message, not the generation, and is user-defined. */
const messageEndPairs = [
  ['<|return|>', '<|call|>'],
  ['<|calls|>', '<|flush|>'],
] as const;

/** Always user-defined. */
const userDefinedNames = ['<|channel|>', '<|message|>', '<|start|>', '<|constrain|>'] as const;

/** The other metadata that the rules depend on. */
export interface Origin {
  /** `general.architecture`. */
  readonly architecture: string;
  /** `general.name`. */
  readonly name: string;
  /** `tokenizer.ggml.pre`. */
  readonly pre: string;
}

/**
 * Changes the `attributes` of tokens with special names.
 * @param markUnused does what the function of this name does
 */
export function applySpecialNames(
  table: TokenTable,
  attributes: Uint8Array,
  markUnused: () => void,
  origin: Origin,
): void {
  const find = (name: string) => {
    const bytes = utf8(name);
    return table.find(bytes, 0, bytes.length);
  };
  const makeControl = (id: number) => {
    if (id >= 0) attributes[id] |= Attribute.control;
  };
  for (const names of roleNames) makeControl(names.map(find).find((id) => id >= 0) ?? -1);
  markUnused();
  for (const name of endNames) makeControl(find(name));
  // Next to the tool responses of Gemma 4 and PaddleOCR, `</s>` ends nothing: llama.cpp makes it a normal token.
  if (find('<|tool_response>') >= 0 && find('</s>') >= 0) attributes[find('</s>')] = Attribute.normal;
  const makeUserDefined = (id: number) => {
    if (id >= 0) attributes[id] = Attribute.userDefined;
  };
  for (const name of userDefinedNames) makeUserDefined(find(name));
  if (messageEndPairs.some((pair) => pair.every((name) => find(name) >= 0))) makeUserDefined(find('<|end|>'));
  applyStripping(find, attributes, origin);
}

/** Control tokens with this in their text also count as unused. */
export const unusedMark = 'unused';

/** Marks the unused ones among control tokens. */
export function markUnused(table: TokenTable, attributes: Uint8Array): void {
  const word = utf8(unusedMark);
  for (let id = 0; id < attributes.length; id++) {
    if ((attributes[id] & Attribute.control) === 0) continue;
    const end = table.offsets[id + 1] - word.length;
    for (let at = table.offsets[id]; at <= end; at++) {
      if (table.bytes[at] === word[0] && word.every((byte, i) => table.bytes[at + i] === byte)) {
        attributes[id] |= Attribute.unused;
        break;
      }
    }
  }
}

/** Mask tokens of some models take the whitespace before them, all special tokens of Phi-3 the whitespace after them. */
function applyStripping(find: (name: string) => number, attributes: Uint8Array, origin: Origin): void {
  const name = origin.name.toLowerCase();
  const set = (id: number, bit: number) => {
    if (id >= 0) attributes[id] |= bit;
  };
  if (
    ['jina-v2-de', 'jina-v2-es', 'jina-v2-code'].some((pre) => origin.pre.includes(pre)) ||
    origin.architecture === 'nomic-bert-moe' ||
    origin.architecture === 'jina-bert-v3'
  ) {
    set(find('<mask>'), Attribute.stripLeft);
  } else if (name.includes('phi-3') || name.includes('phi3')) {
    const special = Attribute.control | Attribute.userDefined | Attribute.unknown;
    for (let id = 0; id < attributes.length; id++) {
      if (attributes[id] & special) attributes[id] |= Attribute.stripRight;
    }
    for (const kept of ['<unk>', '<s>', '<|endoftext|>']) {
      const id = find(kept);
      if (id >= 0) attributes[id] &= ~Attribute.stripRight;
    }
  } else if (name.includes('modern-bert')) {
    set(find('[MASK]'), Attribute.stripLeft);
  }
}
