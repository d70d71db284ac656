/**
 * @file The record of kernels that have passed their check: what is found in it, and when kernels are checked nevertheless.
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { passedCheck } from '../../src/kernels/wasm/checks/passed.node.ts';
import { prepareWasm } from '../../src/kernels/wasm/index.ts';
import { checks } from './counted-checks.ts';

vi.mock('../../src/kernels/wasm/packing.node.ts', () => ({ disablePacking: () => {} }));
vi.mock('../../src/kernels/wasm/checks/self-check.ts', async (importOriginal) =>
  (await import('./counted-checks.ts')).counted(importOriginal),
);

const root = mkdtempSync(join(tmpdir(), 'passed-'));
afterAll(() => rmSync(root, { recursive: true }));
let nFolders = 0;
let folder = '';
beforeEach(() => {
  folder = join(root, String(nFolders++), 'gguf-embed');
  Object.assign(checks, { n: 0, wrong: undefined });
});

describe('a start with packing', () => {
  const start = (nThreads = 1) => prepareWasm({ nThreads, packed: true, passedChecks: folder });

  it('checks kernels once', async () => {
    expect(await start()).toMatchObject({ packed: true });
    expect(checks.n).toBe(1);
    expect(await start()).toMatchObject({ packed: true });
    expect(checks.n).toBe(1);
    expect(readdirSync(folder)).toEqual([`kernels-v8-${process.versions.v8}.json`]);
  });

  it('checks another module: that of shared memory', async () => {
    await start();
    await start(2);
    expect(checks.n).toBe(2);
    await start();
    await start(2);
    expect(checks.n).toBe(2);
  });

  it('checks a wrong kernel each time, and never takes it', async () => {
    checks.wrong = 'geluRow';
    for (const n of [1, 2]) {
      expect(await start()).toMatchObject({ packed: false, refused: 'geluRow' });
      expect(checks.n).toBe(n);
    }
    checks.wrong = undefined;
    expect(await start()).toMatchObject({ packed: true });
  });

  it.each(['', '{"', '{}', '[1, null]', '"x"'])('checks if the record is %j, and mends it', async (text) => {
    await start();
    const path = join(folder, readdirSync(folder)[0]);
    const whole = readFileSync(path, 'utf8');
    writeFileSync(path, text);
    await start();
    expect(checks.n).toBe(2);
    expect(readFileSync(path, 'utf8')).toBe(whole);
  });

  it('works where nothing can be written', async () => {
    writeFileSync(join(root, 'file'), '');
    folder = join(root, 'file', 'gguf-embed');
    expect(await start()).toMatchObject({ packed: true });
    expect(await start()).toMatchObject({ packed: true });
    expect(checks.n).toBe(2);
  });

  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')('works in a folder of another user', async () => {
    await start();
    rmSync(join(folder, readdirSync(folder)[0]));
    chmodSync(folder, 0o500);
    expect(await start()).toMatchObject({ packed: true });
    expect(readdirSync(folder)).toEqual([]);
    chmodSync(folder, 0o700);
  });

  it('checks without a folder', async () => {
    await prepareWasm({ packed: true });
    await prepareWasm({ packed: true });
    expect(checks.n).toBe(2);
  });
});

describe('the record', () => {
  const bytes = Uint8Array.of(1, 2, 3);

  it('holds for the same bytes on the same machine', () => {
    passedCheck(folder, bytes, 'V8 13').keep();
    expect(passedCheck(folder, bytes, 'V8 13').isKnown).toBe(true);
    expect(passedCheck(folder, bytes, 'V8 14').isKnown).toBe(false);
    expect(passedCheck(folder, bytes).isKnown).toBe(false);
    expect(passedCheck(folder, Uint8Array.of(1, 2, 4), 'V8 13').isKnown).toBe(false);
  });

  it.each([0, 2049, 4096, 4098])('does not hold for bytes that differ at %i', (at) => {
    const many = Uint8Array.from({ length: 4099 }, (_, i) => i);
    passedCheck(folder, many).keep();
    many[at] ^= 0x80;
    expect(passedCheck(folder, many).isKnown).toBe(false);
    many[at] ^= 0x80;
    expect(passedCheck(folder, many).isKnown).toBe(true);
  });

  it('forgets old modules', () => {
    for (let i = 0; i < 20; i++) passedCheck(folder, Uint8Array.of(i)).keep();
    const known = Array.from({ length: 20 }, (_, i) => passedCheck(folder, Uint8Array.of(i)).isKnown);
    expect(known).toEqual(Array.from({ length: 20 }, (_, i) => i >= 4));
  });
});
