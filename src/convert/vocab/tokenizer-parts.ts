/**
 * @file The steps of a `tokenizer.json` that a GGUF file can say, and the refusal of others: with them, tokens would differ from those of the training.
 */
import { isObject, type Json } from '../checkout/checkout.ts';
import { ConvertError } from '../conversion-error.ts';

const FILE = 'tokenizer.json';

/** The parts of a normaliser or pre-tokenizer, each an object with a `type`. */
export function partsOf(part: unknown, list: 'normalizers' | 'pretokenizers'): Json[] {
  if (!isObject(part)) return [];
  const inner = part[list];
  return Array.isArray(inner) ? inner.flatMap((one) => partsOf(one, list)) : [part];
}

/** What each kind of vocabulary does with a text by itself. The first pre-tokenizer is always there. */
const supported = {
  WordPiece: {
    normalizers: ['BertNormalizer', 'NFC', 'NFD', 'Lowercase', 'StripAccents'],
    pretokenizers: ['BertPreTokenizer'],
  },
  BPE: { normalizers: ['NFC'], pretokenizers: ['ByteLevel', 'Split', 'Digits'] },
  Unigram: { normalizers: ['Precompiled', 'Strip'], pretokenizers: ['Metaspace', 'WhitespaceSplit'] },
} as const;

/**
 * @param json `tokenizer.json`; empty if there is none
 * @param isolates whether the caller stores that punctuation is put between spaces
 * @throws ConvertError for a part that changes tokens and that a file cannot say
 */
export function checkParts(json: Json, kind: keyof typeof supported, isolates = false): void {
  checkModel(isObject(json.model) ? json.model : {}, kind);
  const refuse = (part: Json, what: string) => {
    const known = supported[kind][what === 'normalizer' ? 'normalizers' : 'pretokenizers'].join(', ');
    return new ConvertError(
      `the ${what} ${JSON.stringify(part)} of a ${kind} vocabulary cannot be stored in a GGUF file; supported are ${known}`,
      FILE,
    );
  };
  const normalizers = partsOf(json.normalizer, 'normalizers');
  const isKnown = (part: Json, list: 'normalizers' | 'pretokenizers') =>
    (supported[kind][list] as readonly unknown[]).includes(part.type);
  for (const part of normalizers) {
    if (isKnown(part, 'normalizers') && part.handle_chinese_chars !== false) continue;
    const isKnownReplace = collapsesSpaces(part) || (isolates && isolatesPunctuation(part));
    if (!(kind === 'Unigram' && isKnownReplace)) throw refuse(part, 'normalizer');
  }
  const isolated = normalizers.filter(isolatesPunctuation).length;
  if (isolated > 0 && isolated < PUNCTUATION.length) {
    throw new ConvertError(`the normalizer puts spaces around some characters of ${PUNCTUATION} only`, FILE);
  }
  const steps = partsOf(json.pre_tokenizer, 'pretokenizers');
  for (const part of steps) {
    const prepends = part.prepend_scheme ?? (part.add_prefix_space === false ? 'never' : 'always');
    const isPlain =
      part.type === 'Metaspace' ? prepends !== 'never' : part.type !== 'ByteLevel' || part.add_prefix_space !== true;
    if (!isKnown(part, 'pretokenizers') || !isPlain) throw refuse(part, 'pre-tokenizer');
  }
  const [needed] = supported[kind].pretokenizers;
  if (json.model !== undefined && !steps.some(({ type }) => type === needed)) {
    const problem = `the pre-tokenizer has no ${needed}, which a ${kind} vocabulary in a GGUF file always has`;
    throw new ConvertError(problem, FILE);
  }
}

function checkModel(model: Json, kind: string): void {
  const { continuing_subword_prefix: prefix = '##', byte_fallback: fallback } = model;
  const fail = (setting: string) =>
    new ConvertError(`${setting}, which cannot be stored in a GGUF file with a ${kind} vocabulary`, FILE);
  if (kind === 'WordPiece' && prefix !== '##') throw fail(`continuing_subword_prefix is ${JSON.stringify(prefix)}`);
  if (kind === 'Unigram' && fallback === true) throw fail('byte_fallback is true');
  if (kind !== 'BPE') return;
  for (const name of ['continuing_subword_prefix', 'end_of_word_suffix']) {
    // Files of GPT-2's tokenizer have the empty text.
    if ((model[name] ?? '') !== '') throw fail(`${name} is ${JSON.stringify(model[name])}`);
  }
}

const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

/** Whether a normaliser puts one character of ASCII punctuation between spaces. */
export function isolatesPunctuation({ type, pattern, content }: Json): boolean {
  const { String: text } = isObject(pattern) ? pattern : ({} as Json);
  return (
    type === 'Replace' &&
    typeof text === 'string' &&
    text.length === 1 &&
    PUNCTUATION.includes(text) &&
    content === ` ${text} `
  );
}

/** Whether a normaliser makes one space of several, or at once the mark that a space becomes. */
function collapsesSpaces({ type, pattern, content }: Json): boolean {
  const { Regex: regex } = isObject(pattern) ? pattern : ({} as Json);
  return type === 'Replace' && (content === ' ' || content === '▁') && (regex === '\\s+' || regex === ' {2,}');
}
