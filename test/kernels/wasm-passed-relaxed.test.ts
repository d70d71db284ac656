/**
 * @file The record of kernels that have passed their check, for relaxed SIMD where it is experimental: in Node 20, behind a flag of V8. Another
 * file than that of packing, since the flag is that of the whole process.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { passedCheck } from '../../src/kernels/wasm/checks/passed.node.ts';
import { prepareWasm } from '../../src/kernels/wasm/index.ts';
import { enableRelaxed, relaxedIsExperimental } from '../../src/kernels/wasm/packing.node.ts';
import { checks } from './counted-checks.ts';

vi.mock('../../src/kernels/wasm/checks/self-check.ts', async (importOriginal) =>
  (await import('./counted-checks.ts')).counted(importOriginal),
);

const root = mkdtempSync(join(tmpdir(), 'passed-relaxed-'));
afterAll(() => rmSync(root, { recursive: true }));
let nFolders = 0;
let folder = '';
beforeEach(() => {
  folder = join(root, String(nFolders++));
  Object.assign(checks, { n: 0, wrong: undefined });
});

const start = () => prepareWasm({ relaxed: 'checked', passedChecks: folder });

describe.skipIf(!relaxedIsExperimental())('a start with experimental relaxed SIMD', () => {
  // The tests run in this order: the flag stays set.
  it('checks and keeps nothing without the flag, since there is no relaxed SIMD', async () => {
    expect(await start()).toMatchObject({ relaxed: false });
    expect(checks.n).toBe(0);
    expect(existsSync(folder)).toBe(false);
  });

  it('does not find what has passed without the flag', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    passedCheck(folder, bytes).keep();
    expect(passedCheck(folder, bytes).isKnown).toBe(true);
    enableRelaxed();
    expect(passedCheck(folder, bytes).isKnown).toBe(false);
  });

  it('checks kernels once', async () => {
    for (const _ of [1, 2]) {
      const setup = await start();
      expect(setup.relaxed).toBe(true);
      expect(setup.relaxedRefused).toBeUndefined();
      expect(checks.n).toBe(1);
    }
    expect(readdirSync(folder)).toEqual([`kernels-v8-${process.versions.v8}.json`]);
  });

  it('checks a wrong kernel each time, and never takes it', async () => {
    checks.wrong = 'geluRow';
    for (const n of [1, 2]) {
      expect(await start()).toMatchObject({ relaxed: false, relaxedRefused: 'geluRow' });
      expect(checks.n).toBe(n);
    }
    expect(existsSync(folder)).toBe(false);
    checks.wrong = undefined;
    expect(await start()).toMatchObject({ relaxed: true });
  });

  it('checks without a folder each time', async () => {
    await prepareWasm({ relaxed: 'checked' });
    await prepareWasm({ relaxed: 'checked' });
    expect(checks.n).toBe(2);
  });
});
