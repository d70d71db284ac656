/**
 * @file Vocabularies of the size that is published, which no fixture has.
 */
import { expect, test } from 'vitest';
import { Config } from '../../src/convert/checkout/config.ts';
import { readDeberta } from '../../src/convert/vocab/deberta.ts';
import { memorySource } from '../../src/gguf/index.ts';

test('DeBERTa-v3', async () => {
  const vocab = Array.from({ length: 128_001 }, (_, id) => [`piece${id}`, -id]);
  const json = JSON.stringify({ model: { type: 'Unigram', unk_id: 3, vocab } });
  const files = ['tokenizer.json'];
  const open = async (name: string) => (files.includes(name) ? memorySource(Buffer.from(json), name) : undefined);
  const config = new Config({ model_type: 'deberta-v2', architectures: ['DebertaV2Model'], vocab_size: 128_100 });
  const { tokens } = (await readDeberta({ name: 'deberta', files, open }, config)).vocab;
  expect([tokens.length, tokens[128_000], tokens[128_001]]).toEqual([128_100, 'piece128000', '[PAD128001]']);
});
