/** @file Keys and values that ranks quantise together: where they are, and that attention over them gives the bits of its own. */
import { describe, expect, it } from 'vitest';
import { GraphTensor } from '../../src/kernels/graph/tensor.ts';
import { compileKernels, instantiateKernels, type Kernels, segmentBytes } from '../../src/kernels/wasm/kernels.ts';
import { placeSharedKeys } from '../../src/kernels/wasm/shared-keys.ts';
import { shareGroups } from '../../src/kernels/wasm/split.ts';
import { shareRows } from '../../src/kernels/wasm/team.ts';
import { normal } from '../random.ts';

const memory = new WebAssembly.Memory({ initial: 64, maximum: 64 });
const kernels: Kernels = await instantiateKernels((await compileKernels(false)).module, memory);
const f32 = new Float32Array(memory.buffer);

describe('attention over keys that were quantised in parts', () => {
  it.each([
    { nKeys: 128, nHead: 2, nHeadKv: 2, headSize: 32, headSizeV: 32, back: 1 << 20, forward: 1 << 20 },
    { nKeys: 300, nHead: 4, nHeadKv: 2, headSize: 20, headSizeV: 12, back: 1 << 20, forward: 0 },
    { nKeys: 517, nHead: 2, nHeadKv: 1, headSize: 16, headSizeV: 24, back: 40, forward: 40 },
    { nKeys: 517, nHead: 3, nHeadKv: 3, headSize: 64, headSizeV: 64, back: 200, forward: 0 },
  ])('has the bits of attention that quantises them itself: %o', ({ back, forward, ...shape }) => {
    const { nKeys, nHead, nHeadKv, headSize, headSizeV } = shape;
    let at = 0x10000;
    const take = (bytes: number) => {
      const start = at;
      at += Math.ceil(bytes / 64) * 64 + 64;
      return start;
    };
    const rows = (cols: number, seed: number) => {
      const address = take(nKeys * cols * 4);
      f32.set(normal(nKeys * cols, seed), address / 4);
      return { address, ld: cols * 4 };
    };
    const [q, k, v] = [rows(nHead * headSize, 1), rows(nHeadKv * headSize, 2), rows(nHeadKv * headSizeV, 3)];
    const y = rows(nHead * headSizeV, 4);
    const segments = take(2 * segmentBytes);
    const half = 100;
    [0, half].forEach((first, i) => {
      const [from, to] = [k.address + first * k.ld, v.address + first * v.ld];
      const n = i === 0 ? half : nKeys - half;
      kernels.setSegment({ segments, i, k: from, ldk: k.ld, v: to, ldv: v.ld, rows: n });
    });
    const scratch = take(kernels.attentionBytes({ nKeys, headSize, headSizeV, int16: 1, nRows: 0 }));
    const quantized = take(nHeadKv * kernels.quantizedHeadBytes({ nKeys, headSize, headSizeV }));
    const end = take(64);
    const attend = (firstQuery: number, shared: number) => {
      f32.fill(Number.NaN, y.address / 4, (y.address + nKeys * y.ld) / 4);
      kernels.attendSequence({
        ...shape,
        scratch,
        q: q.address + firstQuery * q.ld,
        ldq: q.ld,
        nQuery: nKeys - firstQuery,
        firstQuery,
        segments,
        nSegments: 2,
        scale: 0.2,
        back,
        forward,
        ahead: 0,
        softcap: 0,
        bias: 0,
        centre: nKeys - 1,
        y: y.address,
        ldy: y.ld,
        wide: 0,
        int16: 1,
        relative: 0,
        quantized: shared,
      });
      return f32.slice(y.address / 4, (y.address + (nKeys - firstQuery) * y.ld) / 4);
    };
    const nParts = nHeadKv * Math.ceil(nKeys / 128);
    f32.fill(1e9, quantized / 4, end / 4);
    // Three ranks, the last one first.
    for (const rank of [2, 0, 1]) {
      const [begin, partsEnd] = [rank, rank + 1].map((r) => Math.floor((nParts * r) / 3));
      const parts = { begin, end: partsEnd };
      kernels.quantizeSequence({
        scratch,
        segments,
        nSegments: 2,
        nKeys,
        nHeadKv,
        headSize,
        headSizeV,
        quantized,
        ...parts,
      });
    }
    expect(f32[end / 4 - 1]).toBe(Math.fround(1e9));
    for (const firstQuery of [0, 5, nKeys - 3]) {
      const own = attend(firstQuery, 0);
      expect(own.every(Number.isFinite)).toBe(true);
      expect(attend(firstQuery, quantized)).toEqual(own);
    }
  });
});

describe('shared keys', () => {
  const [nHead, nHeadKv, headSize] = [4, 2, 32];
  const tensor = (heads: number) => new GraphTensor(1000, heads * headSize, 'tokens');
  const step = {
    op: 'attention',
    options: { nHead, nHeadKv, scale: 1 },
    inputs: [tensor(nHead), tensor(nHeadKv), tensor(nHeadKv)],
    out: tensor(nHead),
  } as const;
  const offsets = Int32Array.of(0, 100, 400, 500, 1000);
  const place = (nRanks: number, exact = false) => {
    const shares = shareGroups(offsets, nRanks);
    return placeSharedKeys(step, { kernels, offsets, shares, exact }, 4096);
  };

  it('are those of sequences whose rows are on several ranks', () => {
    // Shares of 332, 336 and 332 tokens: the ranks meet inside the sequences 1 and 3.
    const { places, end } = place(3);
    const bytes = (nKeys: number) => nHeadKv * kernels.quantizedHeadBytes({ nKeys, headSize, headSizeV: headSize });
    expect([...places]).toEqual([
      [1, 4096],
      [3, 4096 + bytes(300)],
    ]);
    expect(end).toBe(4096 + bytes(300) + bytes(500));
  });

  it('are none where no rank needs keys of another, or attention is in float32', () => {
    expect(place(1).places.size).toBe(0);
    expect(place(3, true).places.size).toBe(0);
    const [short, whole] = [Int32Array.of(0, 100, 200), Int32Array.of(0, 500, 1000)];
    const of = (ends: Int32Array) =>
      placeSharedKeys(step, { kernels, offsets: ends, shares: shareRows(ends, [1, 1], 2500), exact: false }, 0);
    expect(of(whole)).toEqual({ places: new Map(), end: 0 });
    expect(placeSharedKeys(step, { kernels, offsets: short, shares: shareGroups(short, 3), exact: false }, 0).end).toBe(
      0,
    );
  });
});
