/**
 * @file More files in a folder, and more chunks of a text, than a call may have arguments.
 */
import type { PathLike } from 'node:fs';
import * as files from 'node:fs/promises';
import { expect, test, vi } from 'vitest';
import { embedRows } from '../../../src/cli/bulk/embed-rows.ts';
import { findInputs } from '../../../src/cli/bulk/input-files.ts';
import type { Embedder } from '../../../src/engine/index.ts';

vi.mock('node:fs/promises', { spy: true });

const N = 140_000;
const range = <T>(of: (i: number) => T) => Array.from({ length: N }, (_, i) => of(i));
const entry = (name: string, isFolder: boolean) => {
  return { name, isDirectory: () => isFolder, isFile: () => !isFolder, isSymbolicLink: () => false };
};

test('a folder', async () => {
  vi.mocked(files.stat).mockImplementation((async (path: PathLike) => entry('', path === 'a')) as never);
  vi.mocked(files.readdir).mockImplementation((async (path: PathLike) =>
    path === 'a' ? [entry('b', true)] : range((i) => entry(`${i}.txt`, false))) as never);
  expect((await findInputs(['a'], undefined, undefined)).files).toHaveLength(N);
});

test('a text', async () => {
  const chunks = range((i) => {
    return { index: i, start: i, end: i + 1, text: 'x', vector: new Float32Array(1), nTokens: 1, truncated: false };
  });
  const embedder = { embedChunks: async () => ({ chunks }) } as unknown as Embedder;
  const fields = new Map([['text', { value: 'x'.repeat(N), json: '""' }]]);
  const row = { index: 0, file: 'a.jsonl', where: 'line 1', fields } as never;
  const { records } = await embedRows(
    embedder,
    [row],
    {
      textField: 'text',
      prompt: undefined,
      embed: {},
      chunking: { tokens: 8, overlap: 0, late: false },
      skips: false,
      fieldsOf: () => new Map(),
    },
    () => {},
  );
  expect(records).toHaveLength(N);
});
