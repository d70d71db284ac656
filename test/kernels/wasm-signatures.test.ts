/** @file Calls of kernels that the compiler must refuse, and what is generated from the compiled module. */
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { beforeAll, expect, it } from 'vitest';
import { compileKernels, instantiateKernels, type Kernels, segmentBytes } from '../../src/kernels/wasm/kernels.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What the compiler says about each of the calls, in the order of `calls`: the codes of its errors. */
function errorsOf(calls: readonly string[]): number[][] {
  const path = `${root}test/kernels/virtual.ts`;
  const lines = calls.map(
    (call) => `(kernels: Kernels, x: number, y: number, a: Address, ld: Stride, n: Count) => ${call};`,
  );
  const source = [
    "import type { Address, Count, Kernels, Stride } from '../../src/kernels/wasm/kernels.generated.ts';",
    ...lines,
  ].join('\n');
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    allowImportingTsExtensions: true,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => name === path || fileExists(name);
  host.getSourceFile = (name, ...rest) =>
    name === path ? ts.createSourceFile(name, source, ts.ScriptTarget.ES2022) : getSourceFile(name, ...rest);
  const program = ts.createProgram([path], options, host);
  const file = program.getSourceFile(path)!;
  const found: number[][] = calls.map(() => []);
  for (const { code, start } of ts.getPreEmitDiagnostics(program, file)) {
    found[file.getLineAndCharacterOfPosition(start!).line - 1].push(code);
  }
  return found;
}

it('a call with parameters by position, one too few, too many or misnamed does not compile', {
  timeout: 60_000,
}, () => {
  const [right, byPosition, swapped, missing, unknown, wrongType] = errorsOf([
    'kernels.multiplyColumns({ factors: 1, x, end: y })',
    'kernels.multiplyColumns(x, y, 1)',
    'kernels.copyRows(y, 64, x, 64, 1, 16)',
    'kernels.multiplyColumns({ x, end: y })',
    'kernels.multiplyColumns({ x, y, factors: 1 })',
    "kernels.multiplyColumns({ x, end: y, factors: 'factors' })",
  ]);
  expect(right).toEqual([]);
  expect(byPosition).toEqual([2554]);
  expect(swapped).toEqual([2554]);
  expect(missing).toEqual([2345]);
  expect(unknown).toEqual([2353]);
  expect(wrongType).toEqual([2322]);
});

const memory = new WebAssembly.Memory({ initial: 4, maximum: 4 });
let kernels: Kernels;
beforeAll(async () => {
  kernels = await instantiateKernels((await compileKernels(false)).module, memory);
});

it('an address, a stride and a count cannot replace each other; a plain number can replace each', {
  timeout: 60_000,
}, () => {
  const rest = 'y, ldy: ld, rows: n, cols: n';
  const [right, plain, swapped, counted, strided, addressed] = errorsOf([
    `kernels.copyRows({ x: a, ldx: ld, ${rest} })`,
    'kernels.copyRows({ x, ldx: x + 64, y: a + x * ld, ldy: y, rows: 1, cols: 16 })',
    `kernels.copyRows({ x: ld, ldx: a, ${rest} })`,
    `kernels.copyRows({ x: n, ldx: ld, ${rest} })`,
    `kernels.copyRows({ x: a, ldx: ld, y, ldy: ld, rows: ld, cols: n })`,
    `kernels.copyRows({ x: a, ldx: a, ${rest} })`,
  ]);
  expect(right).toEqual([]);
  expect(plain).toEqual([]);
  expect(swapped).toEqual([2322, 2322]);
  expect(counted).toEqual([2322]);
  expect(strided).toEqual([2322]);
  expect(addressed).toEqual([2322]);
});

it('no kernel with several parameters accepts them by position', { timeout: 60_000 }, () => {
  const several = Object.entries(kernels).filter(([, call]) => call.length > 0);
  const calls = several.map(([name]) => `kernels.${name}(x, y)`);
  expect(calls.length).toBeGreaterThan(50);
  expect(errorsOf(calls)).toEqual(calls.map(() => [2554]));
});

it('names reach the parameter of that name, whatever their order', () => {
  const f32 = new Float32Array(memory.buffer);
  f32.set([1, 2, 3, 4, 5, 6], 0x10000 / 4);
  kernels.copyRows({ cols: 2, rows: 2, ldy: 64, ldx: 12, y: 0x11000, x: 0x10000 });
  expect([...f32.subarray(0x11000 / 4, 0x11000 / 4 + 3)]).toEqual([1, 2, 0]);
  expect([...f32.subarray(0x11040 / 4, 0x11040 / 4 + 3)]).toEqual([4, 5, 0]);
});

it('segments of attention follow each other without gaps', () => {
  const i32 = new Int32Array(memory.buffer);
  const segments = 0x12000;
  kernels.setSegment({ segments, i: 0, k: 1, ldk: 2, v: 3, ldv: 4, rows: 5 });
  kernels.setSegment({ segments, i: 1, k: 6, ldk: 7, v: 8, ldv: 9, rows: 10 });
  const words = (2 * segmentBytes) / 4;
  expect([...i32.subarray(segments / 4, segments / 4 + words + 1)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0]);
});

it.each([
  [1, 0],
  [15, 0],
  [127, 1],
  [128, 1],
  [300, 1],
  [300, 0],
])('attention over %i keys, int16 %i, writes only to the bytes that it requests', (nKeys, int16) => {
  const [nHead, headSize, headSizeV] = [2, 20, 12];
  const big = new WebAssembly.Memory({ initial: 32, maximum: 32 });
  return compileKernels(false).then(async ({ module }) => {
    const own = await instantiateKernels(module, big);
    const f32 = new Float32Array(big.buffer);
    const rows = 0x40000;
    const [q, k, v, y, segments, scratch] = [1, 2, 3, 4, 5, 6].map((i) => i * rows);
    const ld = 256;
    for (let i = q / 4; i < y / 4; i++) f32[i] = Math.sin(i);
    own.setSegment({ segments, i: 0, k, ldk: ld, v, ldv: ld, rows: nKeys });
    const bytes = own.attentionBytes({ nKeys, headSize, headSizeV, int16, nRows: 0 });
    const guard = new Uint8Array(big.buffer).subarray(scratch + bytes);
    guard.fill(0xa5);
    const shape = {
      nHead,
      nHeadKv: nHead,
      headSize,
      headSizeV,
      scale: 0.2,
      back: nKeys,
      forward: nKeys,
      ahead: 0,
      softcap: 0,
    };
    const place = { scratch, segments, nSegments: 1, nKeys, bias: 0, centre: nKeys - 1, wide: 0, int16, relative: 0 };
    own.attendSequence({ ...place, ...shape, quantized: 0, q, ldq: ld, nQuery: nKeys, firstQuery: 0, y, ldy: ld });
    expect(guard.every((value) => value === 0xa5)).toBe(true);
    expect(f32.subarray(y / 4, y / 4 + 24).every((value) => Math.abs(value) <= 1 && value !== 0)).toBe(true);
  });
});
