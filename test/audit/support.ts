/**
 * @file What the tests of traces share.
 */
import { readFileSync } from 'node:fs';
import { sampleIndices } from '../../src/audit/trace/sample.ts';
import { Embedder, type LoadOptions } from '../../src/engine/index.ts';

/** A file below `test/fixtures`. */
export const fixture = (path: string) => new URL(`../fixtures/${path}`, import.meta.url).pathname;

/** A model of the fixtures on the calling thread. */
export const load = (name: string, options: LoadOptions = { backend: 'reference' }) =>
  Embedder.load(fixture(`models/${name}.gguf`), { worker: false, ...options });

/** Steps that llama.cpp computed: sizes fastest axis first, and samples. */
export interface LlamaTrace {
  readonly tokens: number[];
  readonly steps: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly sum: number;
    readonly sample: readonly number[];
  }[];
}

/** llama.cpp's steps of a model of the fixtures. */
export function llamaTrace(name: string): LlamaTrace {
  return JSON.parse(readFileSync(fixture(`reference/trace/${name}.json`), 'utf8'));
}

/** `steps` as llama-eval-callback prints them. */
export function evalCallbackText({ steps }: LlamaTrace): string {
  return steps
    .map(({ name, shape, sum, sample }) => {
      const [x = 1, y = 1, z = 1] = shape;
      const values = sample.values();
      const axis = (length: number, gap: string, part: () => string) => {
        const all = sampleIndices([length]).map(() => part());
        return length > 6 ? [...all.slice(0, 3), gap, ...all.slice(3)] : all;
      };
      const value = () => values.next().value!.toFixed(4).padStart(12);
      const row = () => `            [${axis(x, '   ...', value).join(', ')}  ],\n`;
      const plane = () => `        [\n${axis(y, '            ..., \n', row).join('')}        ],\n`;
      const body = axis(z, '        ..., \n', plane).join('');
      const head = `common_debug_cb_eval: ${name.padStart(24)} = (f32)    MUL_MAT(a{8, 8, 1, 1}, b{8, 2, 1, 1}})`;
      return `${head} = {${x}, ${y}, ${z}, 1}\n    [\n${body}    ]\n    sum = ${sum.toFixed(6)}\n`;
    })
    .join('');
}
