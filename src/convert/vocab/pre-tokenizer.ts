/**
 * @file Detects the pre-tokenizer of a vocabulary as llama.cpp's converter does: by the hash of the ids of one fixed text. Our own tokenizer
 * computes the ids with each candidate.
 */
import { GgufWriter, memorySink, memorySource, openGguf } from '../../gguf/index.ts';
import { createTokenizer } from '../../tokenizer/index.ts';
import { isObject, type Json } from '../checkout/checkout.ts';
import { ConvertError } from '../conversion-error.ts';

/** The text of llama.cpp's converter: white space, emojis, digits, many scripts, contractions. */
const TEXT =
  '\n \n\n \n\n\n \t \t\t \t\n  \n   \n    \n     \n🚀 (normal) 😶\u200d🌫\ufe0f (multiple emojis concatenated) ✅ 🦙🦙 ' +
  '3 33 333 3333 33333 333333 3333333 33333333 3.3 3..3 3...3 កាន់តែពិសេសអាច😁 ?我想在apple工作1314151天～ ' +
  "------======= нещо на Български ''''''```````\"\"\"\"......!!!!!!?????? I've been 'told he's there, 'RE you sure? " +
  "'M not sure I'll make it, 'D you like some tea? We'Ve a'lL";

/** Hashes of the ids, with the name of the pre-tokenizer. */
const known: Readonly<Record<'bert' | 'gpt2', Readonly<Record<string, string>>>> = {
  bert: {
    '0876d13b50744004aa9aeae05e7b0647eac9d801b5ba4668afc01e709c15e19f': 'jina-v2-en',
    '8e62295832751ca1e8f92f2226f403dea30dc5165e448b5bfa05af5340c64ec7': 'bert-bge-large',
  },
  gpt2: {
    '8b5a93ed704057481f240da0be7e7dca721d7f8f4755263b6807227a2cbeae65': 'roberta-bpe',
    a0b64b4385f123663873756336c085744376d015ff328bb1d901598f63c44152: 'modern-bert',
    '0ef9807a4087ebef797fc749390439009c3b9eda9ad1a097abbe738f486c01e5': 'llama-bpe',
    '169bf0296a13c4d9b7672313f749eb36501d931022de052aad6e36f2bf34dd51': 'lfm2',
  },
};

/** How Qwen2 and Qwen3 split a text. The pattern alone identifies the pre-tokenizer. */
const qwen2Pattern =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** How LLaMA 3 and LFM2 split a text. */
const llama3Pattern = qwen2Pattern.replace('|\\p{N}|', '|\\p{N}{1,3}|');

/** The pre-tokenizers whose steps identify them, whatever the vocabulary; `undefined` for other steps. */
function preOfSteps({ pre_tokenizer: preTokenizer, model }: Json): 'qwen2' | 'llama-bpe' | 'smollm' | undefined {
  if (!isObject(preTokenizer)) return undefined;
  const { pretokenizers } = preTokenizer;
  const steps = Array.isArray(pretokenizers) ? pretokenizers.filter(isObject) : [preTokenizer];
  const splitsBy = (regex: string) => steps.some(({ pattern }) => isObject(pattern) && pattern.Regex === regex);
  if (splitsBy(qwen2Pattern)) return 'qwen2';
  // With this pre-tokenizer a word that is a token is never merged from its parts.
  if (splitsBy(llama3Pattern) && isObject(model) && model.ignore_merges === true) return 'llama-bpe';
  const [digits, bytes, ...more] = steps;
  if (digits?.type !== 'Digits' || bytes?.type !== 'ByteLevel' || more.length > 0) return undefined;
  // Each digit alone, then the words of GPT-2.
  const isSmol = digits.individual_digits === true && bytes.use_regex !== false && bytes.add_prefix_space === false;
  return isSmol ? 'smollm' : undefined;
}

/**
 * The value of `tokenizer.ggml.pre`.
 * @param set sets the keys of the tokenizer with that value
 * @param json `tokenizer.json`
 * @throws ConvertError if the vocabulary is unknown and the pre-tokenizer matters
 */
export async function findPre(
  model: 'bert' | 'gpt2',
  set: (writer: GgufWriter, pre: string) => void,
  json: Json,
): Promise<string> {
  const found = model === 'gpt2' ? preOfSteps(json) : undefined;
  if (found !== undefined) return found;
  const names = model === 'bert' ? ['default'] : Object.values(known[model]);
  for (const name of names) {
    const hash = await hashIds(await encode(name, set));
    const pre = known[model][hash];
    if (pre !== undefined && (model === 'bert' || pre === name)) return pre;
  }
  // WordPiece vocabularies have only one pre-tokenizer; llama.cpp writes the key, but does not use it.
  if (model === 'bert') return 'default';
  throw new ConvertError(
    `the vocabulary is not one of those whose pre-tokenizer is known (${Object.values(known[model]).join(', ')}, qwen2, smollm)`,
    'tokenizer.json',
  );
}

async function encode(pre: string, set: (writer: GgufWriter, pre: string) => void): Promise<number[]> {
  const sink = memorySink();
  const writer = new GgufWriter(sink);
  set(writer, pre);
  await writer.writeHeader();
  const { metadata } = await openGguf(memorySource(sink.bytes()));
  return createTokenizer(metadata).encode(TEXT);
}

/** SHA-256 of the list in Python's notation. */
async function hashIds(ids: readonly number[]): Promise<string> {
  const bytes = new TextEncoder().encode(`[${ids.join(', ')}]`);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
