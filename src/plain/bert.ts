/**
 * @file From a GGUF file and a text to a vector, in one file: read the header, dequantise, WordPiece, BERT's forward, pool.
 *
 * Read it from top to bottom. It is slow, imports nothing, and has no options: BERT with absolute positions, weights in F32, F16 or Q8_0,
 * lowercased English WordPiece, mean pooling. docs/tour.md walks through it; the engine of this package does the same fast.
 */

// ---- 1. The file: a header that says what is where, then the numbers of the tensors. ----

/** A value of the metadata. Arrays hold values of one type. */
export type Value = number | bigint | boolean | string | Value[];

/** The description of a tensor. Its shape has the fastest axis first: `[nIn, nOut]` for a matrix. */
export interface TensorInfo {
  readonly shape: number[];
  readonly type: number;
  /** From the start of the file. */
  readonly offset: number;
}

/** What the header says. */
export interface Header {
  readonly version: number;
  readonly metadata: Map<string, Value>;
  readonly tensors: Map<string, TensorInfo>;
  /** Where the header ends, and where the numbers begin. */
  readonly end: number;
  readonly dataOffset: number;
}

/** Reads the header of a GGUF file. Numbers are little-endian, and every list begins with its length. */
export function readHeader(file: Uint8Array): Header {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let at = 0;
  const u32 = () => view.getUint32((at += 4) - 4, true);
  const u64 = () => Number(view.getBigUint64((at += 8) - 8, true));
  const text = () => {
    const length = u64();
    return new TextDecoder().decode(file.subarray(at, (at += length)));
  };
  // Each type of value has a number.
  const readers: (() => Value)[] = [
    () => view.getUint8(at++),
    () => view.getInt8(at++),
    () => view.getUint16((at += 2) - 2, true),
    () => view.getInt16((at += 2) - 2, true),
    u32,
    () => view.getInt32((at += 4) - 4, true),
    () => view.getFloat32((at += 4) - 4, true),
    () => view.getUint8(at++) !== 0,
    text,
    () => {
      const read = readers[u32()];
      return Array.from({ length: u64() }, read);
    },
    () => view.getBigUint64((at += 8) - 8, true),
    () => view.getBigInt64((at += 8) - 8, true),
    () => view.getFloat64((at += 8) - 8, true),
  ];

  if (u32() !== 0x46554747) throw new Error('this is not a GGUF file: it does not begin with the letters GGUF');
  const version = u32();
  const nTensors = u64();
  const nKeys = u64();
  const metadata = new Map<string, Value>();
  for (let i = 0; i < nKeys; i++) metadata.set(text(), readers[u32()]());
  const listed: [name: string, info: TensorInfo][] = [];
  for (let i = 0; i < nTensors; i++) {
    const name = text();
    const shape = Array.from({ length: u32() }, u64);
    listed.push([name, { shape, type: u32(), offset: u64() }]);
  }
  // The numbers begin at the next multiple of the alignment, and offsets count from there.
  const end = at;
  const alignment = Number(metadata.get('general.alignment') ?? 32);
  const dataOffset = Math.ceil(end / alignment) * alignment;
  const tensors = new Map(listed.map(([name, info]) => [name, { ...info, offset: dataOffset + info.offset }]));
  return { version, metadata, tensors, end, dataOffset };
}

// ---- 2. The numbers: stored in few bits, computed with in float32. ----

/** A half float: one bit of sign, five of exponent, ten of fraction. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * The values of a tensor. Q8_0 stores 32 values in a block of 34 bytes: a half float, the scale, and 32 signed bytes. A value is its byte
 * times the scale.
 */
export function dequantize(file: Uint8Array, { shape, type, offset }: TensorInfo): Float32Array {
  const n = shape.reduce((product, length) => product * length, 1);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const values = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    if (type === 0) values[i] = view.getFloat32(offset + 4 * i, true);
    else if (type === 1) values[i] = halfToFloat(view.getUint16(offset + 2 * i, true));
    else if (type === 8) {
      const block = offset + 34 * Math.floor(i / 32);
      values[i] = halfToFloat(view.getUint16(block, true)) * view.getInt8(block + 2 + (i % 32));
    } else throw new Error(`this file cannot read tensors of type ${type}`);
  }
  return values;
}

// ---- 3. The text: cut into words, and words into tokens of the vocabulary. ----

/** Words of a text: lowercase, without accents; each punctuation mark and each Chinese character is one. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word = '';
  const end = () => {
    if (word !== '') words.push(word);
    word = '';
  };
  for (const original of text) {
    // An accented letter decomposes into the letter and its accents; only the letter stays.
    const [c] = original.normalize('NFD');
    if (/\p{White_Space}/u.test(c)) end();
    else if (/[\p{C}\p{M}\ufffd]/u.test(c)) continue;
    else if (/[\p{P}\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[\u{20000}-\u{2fa1f}]/u.test(c) || /[$+<=>^`|~]/.test(c)) {
      end();
      words.push(c);
    } else word += c.toLowerCase();
  }
  end();
  return words;
}

/**
 * WordPiece: takes the longest token that a word begins with, then does the same with the rest. In GGUF files, U+2581 marks tokens that
 * begin a word. A word with a part that is not a token becomes one unknown token.
 */
export function tokenize(metadata: Map<string, Value>, text: string): number[] {
  const tokens = metadata.get('tokenizer.ggml.tokens') as string[];
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const special = (name: string, usual: number) => Number(metadata.get(`tokenizer.ggml.${name}_token_id`) ?? usual);
  const pieces = splitWords(text).flatMap((word) => {
    const found: number[] = [];
    for (let rest = `\u2581${word}`; rest !== ''; ) {
      let length = rest.length;
      while (length > 0 && !ids.has(rest.slice(0, length))) length--;
      if (length === 0) return [special('unknown', 100)];
      found.push(ids.get(rest.slice(0, length))!);
      rest = rest.slice(length);
    }
    return found;
  });
  return [special('bos', 101), ...pieces, special('seperator', 102)];
}

// ---- 4. The model: a row of numbers for each token, to which every layer adds. ----

/** One row of float32 for each token. */
export type Rows = Float32Array[];

/** Gives the values of a tensor by its name. */
export type Weights = (name: string) => Float32Array;

/** `y = W x + b` for each row: `nOut` dot products with the rows of the matrix. */
export function linear(weights: Weights, name: string, x: Rows): Rows {
  const [w, b] = [weights(`${name}.weight`), weights(`${name}.bias`)];
  return x.map((row) =>
    b.map((bias, o) => {
      let sum = 0;
      for (let i = 0; i < row.length; i++) sum += w[o * row.length + i] * row[i];
      return sum + bias;
    }),
  );
}

/** Layer norm: each row gets mean 0 and variance 1, then a scale and a shift for each column. */
export function layerNorm(weights: Weights, name: string, eps: number, x: Rows): Rows {
  const [w, b] = [weights(`${name}.weight`), weights(`${name}.bias`)];
  return x.map((row) => {
    const mean = row.reduce((sum, v) => sum + v, 0) / row.length;
    const variance = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / row.length;
    return row.map((v, i) => ((v - mean) / Math.sqrt(variance + eps)) * w[i] + b[i]);
  });
}

/** Positive numbers that sum to 1; a larger score gives a larger number. */
export function softmax(scores: number[]): number[] {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** A smooth step: about 0 for negative numbers, about x for positive ones. */
export function gelu(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

/**
 * Attention: each token compares its query with the keys of all tokens. The better they match, the more of that token's value it takes. The
 * heads do this side by side, each with its own columns.
 */
export function attention(q: Rows, k: Rows, v: Rows, nHead: number): Rows {
  const size = q[0].length / nHead;
  return q.map((query) => {
    const out = new Float32Array(query.length);
    for (let first = 0; first < query.length; first += size) {
      const scores = k.map((key) => {
        let sum = 0;
        for (let i = first; i < first + size; i++) sum += query[i] * key[i];
        return sum / Math.sqrt(size);
      });
      for (const [t, share] of softmax(scores).entries()) {
        for (let i = first; i < first + size; i++) out[i] += share * v[t][i];
      }
    }
    return out;
  });
}

/** The sum of two lists of rows. */
export function add(a: Rows, b: Rows): Rows {
  return a.map((row, r) => row.map((value, i) => value + b[r][i]));
}

/** A model that is ready to compute. */
export interface Bert {
  readonly header: Header;
  readonly weights: Weights;
  readonly nLayer: number;
  readonly nHead: number;
  readonly eps: number;
}

/** Reads a file. Tensors are dequantised on first use. */
export function loadBert(file: Uint8Array): Bert {
  const header = readHeader(file);
  const { metadata, tensors } = header;
  if (metadata.get('general.architecture') !== 'bert') throw new Error('this file computes only BERT');
  const known = new Map<string, Float32Array>();
  const weights = (name: string) => {
    const info = tensors.get(name);
    if (info === undefined) throw new Error(`the file has no tensor ${name}`);
    const values = known.get(name) ?? dequantize(file, info);
    known.set(name, values);
    return values;
  };
  return {
    header,
    weights,
    nLayer: Number(metadata.get('bert.block_count')),
    nHead: Number(metadata.get('bert.attention.head_count')),
    eps: Number(metadata.get('bert.attention.layer_norm_epsilon')),
  };
}

/** The first rows: for each token the sum of its embedding, the embedding of its position and that of the first text type, normed. */
export function embedTokens({ weights, eps }: Bert, ids: number[]): Rows {
  const norm = weights('token_embd_norm.weight');
  const row = (table: string, r: number) => weights(table).subarray(r * norm.length, (r + 1) * norm.length);
  const tokens = ids.map((id) => row('token_embd.weight', id));
  const kinds = ids.map(() => row('token_types.weight', 0));
  const places = ids.map((_, i) => row('position_embd.weight', i));
  return layerNorm(weights, 'token_embd_norm', eps, add(add(tokens, kinds), places));
}

/** One layer: attention between tokens, then two products for each token separately. Each adds its result to its input. */
export function layer({ weights, nHead, eps }: Bert, l: number, x: Rows): Rows {
  const name = (part: string) => `blk.${l}.${part}`;
  const [q, k, v] = ['attn_q', 'attn_k', 'attn_v'].map((part) => linear(weights, name(part), x));
  const found = linear(weights, name('attn_output'), attention(q, k, v, nHead));
  const y = layerNorm(weights, name('attn_output_norm'), eps, add(found, x));
  const hidden = linear(weights, name('ffn_up'), y).map((row) => row.map(gelu));
  return layerNorm(weights, name('layer_output_norm'), eps, add(linear(weights, name('ffn_down'), hidden), y));
}

// ---- 5. The vector: the mean of the rows, scaled to length 1. ----

/** The mean of all rows. */
export function meanOf(rows: Rows): Float32Array {
  return rows[0].map((_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length);
}

/** The vector in the same direction with length 1. */
export function normalize(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / length);
}

/** Computes the vector of a text. */
export function embed(model: Bert, text: string): Float32Array {
  let rows = embedTokens(model, tokenize(model.header.metadata, text));
  for (let l = 0; l < model.nLayer; l++) rows = layer(model, l, rows);
  return normalize(meanOf(rows));
}
