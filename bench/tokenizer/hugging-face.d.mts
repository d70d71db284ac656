import type { Tokenizer } from '@huggingface/tokenizers';
import type { Metadata } from '../../src/gguf/index.ts';

export function huggingFace(metadata: Metadata): Tokenizer;
