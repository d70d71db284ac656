/** @file What the pictures are made of: the bundled model, and vocabularies of real models. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { memorySource, openGguf } from '../../build/modules/gguf/index.js';
import { createTokenizer } from '../../build/modules/tokenizer/index.js';

const root = new URL('../../', import.meta.url);

/** Opens a GGUF file of the repository, which may be packed. */
async function open(path) {
  const bytes = readFileSync(new URL(path, root));
  return openGguf(memorySource(path.endsWith('.gz') ? gunzipSync(bytes) : bytes, path));
}

const bundledModel = 'models/all-MiniLM-L6-v2-Q8_0.gguf';

/** Bytes of a tensor of the bundled model, and where they are in the file. */
export async function tensorBytes(name, from, length) {
  const file = await open(bundledModel);
  const bytes = new Uint8Array(length);
  const info = file.tensors.get(name);
  await file.readTensor(info, from, bytes);
  return { bytes, at: info.offset + from };
}

/** A vocabulary: the tokenizer, and the texts, scores and merges that the file has. Default: that of the bundled model. */
export async function vocabularyOf(name) {
  const path = name === undefined ? bundledModel : `test/fixtures/vocab/ggml-vocab-${name}.gguf.gz`;
  const { metadata } = await open(path);
  return {
    tokenizer: createTokenizer(metadata),
    tokens: [...metadata.strings('tokenizer.ggml.tokens')],
    scores: metadata.numbers('tokenizer.ggml.scores'),
    merges: [...(metadata.strings('tokenizer.ggml.merges') ?? [])],
  };
}

/** @throws Error if what a picture shows is not what the code does */
export function check(condition, what) {
  if (!condition) throw new Error(`the picture is wrong: ${what}`);
}
