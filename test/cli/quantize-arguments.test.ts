/**
 * @file The arguments of `quantize`, as llama-quantize takes them.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openFile } from '../../src/gguf/file.node.ts';
import { openGguf } from '../../src/gguf/index.ts';
import { model, run } from './run.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gguf-embed-'));
  copyFileSync(model('bert-q'), join(folder, 'in.gguf'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function fileType(path: string): Promise<number | undefined> {
  const file = await openGguf(await openFile(path));
  await file.close();
  return file.metadata.u32('general.file_type');
}

it.each([
  [['OUT', 'Q8_0'], 'out.gguf', 7],
  [['OUT', '7'], 'out.gguf', 7],
  [['OUT', 'q4_k_m', '4'], 'out.gguf', 15],
  [['OUT', '15', '2'], 'out.gguf', 15],
  [['Q5_K'], 'ggml-model-Q5_K_M.gguf', 17],
  [['8'], 'ggml-model-Q5_0.gguf', 8],
  [['f16', '3'], 'ggml-model-F16.gguf', 1],
])('IN %j', async (rest, name, type) => {
  const args = rest.map((arg) => (arg === 'OUT' ? join(folder, 'out.gguf') : arg));
  const { code, stderr } = await run(['quantize', join(folder, 'in.gguf'), ...args]);
  expect(code, stderr).toBe(0);
  expect(existsSync(join(folder, name))).toBe(true);
  expect(await fileType(join(folder, name))).toBe(type);
});

it.each([
  [[], /give a file and a type: gguf-embed quantize IN \[OUT\] TYPE \[THREADS\].*Q8_0 \(7\)/],
  [['OUT'], /there is no type .*out\.gguf/],
  [['OUT', 'Q9'], /there is no type Q9/],
  [['OUT', '99'], /there is no type 99/],
  [['OUT', 'Q8_0', 'many'], /the number of threads must be a number, not many/],
])('refuses IN %j', async (rest, message) => {
  const args = rest.map((arg) => (arg === 'OUT' ? join(folder, 'out.gguf') : arg));
  const { code, stderr } = await run(['quantize', join(folder, 'in.gguf'), ...args]);
  expect(code).not.toBe(0);
  expect(stderr).toMatch(message);
});
