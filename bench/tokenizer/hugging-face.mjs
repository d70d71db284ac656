/**
 * @file The vocabulary of a GGUF file as a `tokenizer.json` for `@huggingface/tokenizers`.
 */
import { Tokenizer } from '@huggingface/tokenizers';

const MARK = '\u2581';
const CONTROL = 3;

/** Llama 3's and Qwen 2's expression with their digits; GPT-2's is built into `ByteLevel`. */
const words = (digits) =>
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|${digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

/** The tokenizer of a WordPiece, byte-level BPE, SPM or Unigram file. Special tokens in the text are cut out, none are added. */
export function huggingFace(metadata) {
  const tokens = [...metadata.strings('tokenizer.ggml.tokens')];
  const types = metadata.numbers('tokenizer.ggml.token_type');
  const added = tokens.flatMap((content, id) =>
    types[id] === CONTROL
      ? [{ id, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false }]
      : [],
  );
  const model = metadata.string('tokenizer.ggml.model');
  const parts = { bert: wordPiece, gpt2: byteLevel, llama: sentencePiece, t5: unigram }[model](tokens, metadata);
  return new Tokenizer(
    { version: '1.0', truncation: null, padding: null, added_tokens: added, post_processor: null, ...parts },
    {},
  );
}

function wordPiece(tokens, metadata) {
  const types = metadata.numbers('tokenizer.ggml.token_type');
  const text = (token, id) => (types[id] === CONTROL ? token : token.startsWith(MARK) ? token.slice(1) : `##${token}`);
  return {
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(tokens.map((token, id) => [text(token, id), id])),
    },
  };
}

function byteLevel(tokens, metadata) {
  const pre = metadata.string('tokenizer.ggml.pre');
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: pre === 'gpt-2' };
  const digits = pre === 'qwen2' ? String.raw`\p{N}` : String.raw`\p{N}{1,3}`;
  const split = { type: 'Split', pattern: { Regex: words(digits) }, behavior: 'Isolated', invert: false };
  return {
    normalizer: null,
    pre_tokenizer: pre === 'gpt-2' ? bytes : { type: 'Sequence', pretokenizers: [split, bytes] },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: pre === 'llama-bpe',
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: [...metadata.strings('tokenizer.ggml.merges')],
    },
  };
}

/** As `tokenizer.json` of Llama 2: merges are all ways to make a token of two, best score first. */
function sentencePiece(tokens, metadata) {
  const scores = metadata.numbers('tokenizer.ggml.scores');
  const vocab = new Map(tokens.map((token, id) => [token, id]));
  const merges = [];
  for (const [id, token] of tokens.entries()) {
    const characters = [...token];
    for (let n = 1; n < characters.length; n++) {
      const pair = [characters.slice(0, n).join(''), characters.slice(n).join('')];
      if (pair.every((part) => vocab.has(part))) merges.push({ pair, score: scores[id] });
    }
  }
  return {
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: MARK },
        { type: 'Replace', pattern: { String: ' ' }, content: MARK },
      ],
    },
    pre_tokenizer: null,
    decoder: { type: 'Metaspace', replacement: MARK, prepend_scheme: 'always' },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges: merges.sort((a, b) => b.score - a.score).map(({ pair }) => pair),
    },
  };
}

function unigram(tokens, metadata) {
  const scores = metadata.numbers('tokenizer.ggml.scores');
  const charsmap = metadata.numbers('tokenizer.ggml.precompiled_charsmap');
  return {
    normalizer: {
      type: 'Precompiled',
      precompiled_charsmap: Buffer.from(charsmap.buffer, charsmap.byteOffset, charsmap.byteLength).toString('base64'),
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [{ type: 'WhitespaceSplit' }, { type: 'Metaspace', replacement: MARK, prepend_scheme: 'always' }],
    },
    decoder: { type: 'Metaspace', replacement: MARK, prepend_scheme: 'always' },
    model: {
      type: 'Unigram',
      unk_id: metadata.u32('tokenizer.ggml.unknown_token_id') ?? 2,
      vocab: tokens.map((token, id) => [token, Number(scores[id])]),
      byte_fallback: false,
    },
  };
}
