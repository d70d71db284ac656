/**
 * @file The ladders of kernels (`bench/kernels`): every rung gives what the reference backend gives, by name on the command line and in a page.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { requestDevice } from '../../bench/gpu/request-device.mjs';
import { ladder, miniLm, type Shapes } from '../../bench/kernels/ladder.mjs';
import { measure, relativeError, uniform } from '../../bench/kernels/measure.mjs';
import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import { enablePacking } from '../../src/kernels/wasm/packing.node.ts';
import { visitReport } from '../audit/support.ts';
import { describeBrowser } from '../browser.ts';
import { countingBatch, evaluate, type Graph, source } from './graphs.ts';
import { gpu } from './webgpu/support.ts';

const run = promisify(execFile);
// Sizes at which every kernel has a rest: rows, keys, panels and tiles that are not whole.
const shapes: Shapes = { product: { M: 38, N: 48, K: 96 }, attention: { tokens: 130, heads: 3, size: 16 } };

/** What the reference backend gives for a graph over tables of random rows. */
async function reference(rows: number, cols: number, seeds: Record<string, number>, graph: Graph) {
  const sources = Object.fromEntries(
    Object.entries(seeds).map(([name, seed]) => [
      name,
      [source(name, [cols, rows], uniform(rows * cols, seed)), 'table'] as const,
    ]),
  );
  return evaluate(await createReferenceBackend(), sources, countingBatch([rows]), graph);
}

async function exactProduct(): Promise<Float32Array> {
  const { M, N, K } = shapes.product;
  const [a, w] = [uniform(M * K, 1), uniform(N * K, 2)];
  const sources = { a: [source('a', [K, M], a), 'table'], w: [source('w', [K, N], w), 'matrix'] } as const;
  return evaluate(await createReferenceBackend(), sources, countingBatch([M]), (ops, weights) =>
    ops.linear(ops.embedding(weights.a, 'ids'), { weight: weights.w }),
  );
}

function exactAttention(): Promise<Float32Array> {
  const { tokens, heads, size } = shapes.attention;
  return reference(tokens, heads * size, { q: 1, k: 2, v: 3 }, (ops, weights) => {
    const [q, k, v] = ['q', 'k', 'v'].map((name) => ops.embedding(weights[name], 'ids'));
    return ops.attention(q, k, v, { nHead: heads, nHeadKv: heads, scale: 1 / Math.sqrt(size) });
  });
}

/** The largest relative error by what a rung's products are made of. */
const tolerances: [RegExp, number][] = [
  [/int8$/, 2e-2],
  [/int16$/, 1e-3],
  [/(f16|matrix)$/, 1e-3],
  [/./, 2e-6],
];

/** Why a rung may be missing, and whether this machine has what it lacks. */
const reasons: [RegExp, RegExp, () => boolean][] = [
  [/packed-/, /^needs Node 24 or newer on x86-64$/, () => Number.parseInt(process.versions.v8, 10) >= 13],
  [/^product\/.*int8$/, /^needs a right 8-bit dot product/, () => false],
  [/^wgsl\/f16$/, /^needs the feature shader-f16$/, () => false],
  [/^wgsl\/matrix$/, /^needs subgroup matrices/, () => false],
  [/^wgsl\//, /./, () => gpu !== undefined],
];

const openGpu = async () => {
  if (gpu === undefined) throw new Error('no GPU');
  return requestDevice(gpu);
};

describe('each rung', () => {
  const rungs = ladder(shapes, { openGpu, enablePacking });
  it.each(rungs.map((rung) => [rung.name, rung] as const))('%s gives the result', async (name, rung) => {
    const expected = await (name.startsWith('attention/') ? exactAttention() : exactProduct());
    const [, tolerance] = tolerances.find(([names]) => names.test(name))!;
    const prepared = await rung.prepare();
    if (prepared.missing !== undefined) {
      const [, reason, isHere] = reasons.find(([names, text]) => names.test(name) && text.test(prepared.missing))!;
      expect(prepared.missing).toMatch(reason);
      expect(isHere(), `${name}: ${prepared.missing}`).toBe(false);
      return;
    }
    await prepared.run();
    const result = await prepared.result();
    expect(result).toHaveLength(expected.length);
    expect(relativeError(result, expected)).toBeLessThan(tolerance);
    // The kernel is the one that the rung is named after.
    const kernel = prepared.kernel?.();
    if (kernel !== undefined)
      expect(kernel).toContain(`matmul ${{ float: 'F32', int8: 'Q8_0 int8' }[name.slice(5)] ?? 'F16'}`);
    prepared.dispose?.();
  });

  it('has the names that the documentation explains', () => {
    const kernels = readFileSync('docs/kernels.md', 'utf8');
    const webgpu = readFileSync('docs/webgpu.md', 'utf8');
    for (const { name } of rungs) expect(name.startsWith('wgsl/') ? webgpu : kernels).toContain(`\`${name}\``);
  });

  it('is measured: speed and error, or the reason why not', async () => {
    const [naive] = rungs;
    expect(await measure(naive, 1)).toEqual({ macs: expect.any(Number), error: 0, kernel: undefined });
    const missing = { ...naive, prepare: async () => ({ missing: 'needs more' }) };
    expect(await measure(missing, 1)).toEqual({ missing: 'needs more' });
    const wrong = {
      ...naive,
      prepare: async () => ({ run() {}, result: () => naive.exact().map((value) => 2 * value) }),
    };
    expect(await measure(wrong, 1)).toMatchObject({ error: 1 });
  });
});

describe('the command', () => {
  const main = 'bench/kernels/main.mjs';

  it('lists rungs, runs those that are named, and knows no others', async () => {
    const list = await run(process.execPath, [main, '--list', 'attention', 'wgsl/naive']);
    const names = list.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[0]);
    const all = ladder(miniLm, { openGpu }).map(({ name }) => name);
    expect(names).toEqual(all.filter((name) => /^attention|^wgsl\/naive/.test(name)));
    const { stdout } = await run(process.execPath, [main, '--json', 'attention/int16']);
    const { rows } = JSON.parse(stdout);
    expect(rows).toEqual([expect.objectContaining({ rung: 'attention/int16', 'GFLOP/s': expect.any(Number) })]);
    await expect(run(process.execPath, [main, 'atention'])).rejects.toMatchObject({ code: 2 });
  });
});

describeBrowser('the page', () => {
  interface Answer {
    readonly status: string;
    readonly rows: string[][];
    readonly resources: string[];
    readonly refused: string[];
    readonly error?: string;
  }

  it('runs rungs in Chromium, on the CPU and on the GPU, and loads nothing', { timeout: 240_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gguf-embed-ladder-'));
    try {
      const path = join(folder, 'ladder.html');
      await run(process.execPath, ['bench/kernels/page.mjs', path]);
      const html = readFileSync(path, 'utf8');
      expect(html).toMatch(
        /default-src 'none'; script-src 'sha256-[^']*' 'wasm-unsafe-eval'; style-src 'sha256-[^']*'"/,
      );
      const chosen = [
        'product/naive',
        'product/wasm-int16',
        'attention/int16',
        'wgsl/naive',
        'wgsl/float',
        'wgsl/matrix',
      ];
      const answer = await visitReport<Answer>(
        html,
        `const refused = [];
         page.addEventListener('securitypolicyviolation', ({ violatedDirective }) => refused.push(violatedDirective));
         const wait = async (text) => {
           while (get('status').textContent !== text) await new Promise((resolve) => setTimeout(resolve, 50));
         };
         await wait('Ready.');
         for (const name of ${JSON.stringify(chosen)}) {
           [...page.querySelectorAll('td button')].find((button) => button.textContent === name).click();
           if (!get('all').disabled) throw new Error('other rungs can be started meanwhile');
           await wait('Done.');
         }
         const rows = [...page.querySelectorAll('tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent));
         const resources = frame.contentWindow.performance.getEntriesByType('resource').map(({ name }) => name);
         return { status: get('status').textContent, rows, resources, refused };`,
        ['--enable-unsafe-webgpu', '--enable-features=Vulkan', '--use-webgpu-adapter=swiftshader'],
      );
      expect(answer.error).toBeUndefined();
      expect(answer.resources).toEqual([]);
      expect(answer.refused).toEqual([]);
      expect(answer.rows.map(([name]) => name)).toEqual(ladder(miniLm, { openGpu }).map(({ name }) => name));
      for (const [name, , rate, share, error, note] of answer.rows) {
        if (!chosen.includes(name)) expect([rate, error, note], name).toEqual(['', '', '']);
        else if (name === 'wgsl/matrix') expect(note).toMatch(/^needs subgroup matrices/);
        else {
          expect(Number(rate), `${name}: ${note}`).toBeGreaterThan(0);
          expect(Number(error), name).toBeLessThan(1e-3);
          if (name !== 'attention/int16') expect(share, name).toMatch(/^\d+\.\d ×$/);
        }
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
