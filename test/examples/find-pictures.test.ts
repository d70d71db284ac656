/**
 * @file The example that finds pictures runs as its README says.
 */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const fixtures = path('test/fixtures/multimodal/');
const folder = mkdtempSync(join(tmpdir(), 'find-pictures-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('prints the pictures of a folder with their similarities, and names those that cannot be read', async () => {
  for (const name of ['rgb.png', 'baseline.jpg', 'one.gif'])
    copyFileSync(`${fixtures}images/${name}`, join(folder, name));
  writeFileSync(join(folder, 'broken.png'), 'no picture');
  writeFileSync(join(folder, 'notes.txt'), 'no picture either');
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [
    path('examples/find-pictures/find-pictures.mjs'),
    `${fixtures}models/qwen3vl.gguf`,
    `${fixtures}models/mmproj-qwen3vl.gguf`,
    folder,
    'a red car',
  ]);
  const lines = stdout.trim().split('\n');
  expect(lines.map((line) => line.split('  ')[1]).sort()).toEqual(['baseline.jpg', 'one.gif', 'rgb.png']);
  const similarities = lines.map((line) => Number.parseFloat(line));
  expect(similarities).toEqual(similarities.toSorted((a, b) => b - a));
  expect(stderr).toContain('broken.png: this is not a picture');
}, 20_000);
