/**
 * @file What the tests of traces share.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { sampleIndices } from '../../src/audit/trace/sample.ts';
import { Embedder, type LoadOptions } from '../../src/engine/index.ts';
import { visit } from '../browser.ts';

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

/** Flags of Chromium for a light or a dark screen. */
export const schemeFlags = {
  light: ['--blink-settings=preferredColorScheme=1'],
  dark: ['--blink-settings=preferredColorScheme=0'],
};

/**
 * What a report says in Chromium after `act` has run beside it: statements that may use `frame`, `page` (its document), `get` (an element
 * by its id) and `press` (a key on an element), and end with `return`.
 */
export async function visitReport<Answer>(html: string, act: string, flags?: readonly string[]): Promise<Answer> {
  const folder = await mkdtemp(join(tmpdir(), 'gguf-embed-report-'));
  try {
    await writeFile(join(folder, 'report.html'), html);
    return await visit<Answer>(
      `const frame = document.createElement('iframe');
       frame.src = '/report.html';
       frame.width = 1100;
       frame.onload = async () => {
         const page = frame.contentDocument;
         const get = (id) => page.getElementById(id);
         const press = (element, key) => element.dispatchEvent(new frame.contentWindow.KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
         const answer = await (async () => { ${act} })().catch((error) => ({ error: String(error) }));
         await fetch('/answer', { method: 'POST', body: JSON.stringify(answer) });
       };
       document.body.append(frame);`,
      { files: pathToFileURL(`${folder}/`), flags },
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}
