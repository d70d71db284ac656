/** @file The rungs in WebAssembly: the backend's own kernel, `attendSequence`, over a memory that holds one sequence. */
import { compileKernels, instantiateKernels, segmentBytes } from '../../../build/modules/kernels/wasm/kernels.js';

/** More than the number of tokens: a query sees all keys. */
const everything = 0x3fffffff;

/** @param note makes the engine compile the module anew, under the flags of the moment */
export async function prepare(q, k, v, { tokens, heads, size }, note) {
  const { module } = await compileKernels(false, note);
  const memory = new WebAssembly.Memory({ initial: 512, maximum: 65536 });
  const kernels = await instantiateKernels(module, memory);
  const f32 = new Float32Array(memory.buffer);
  const width = heads * size;
  let at = 65536;
  const take = (bytes) => {
    const start = at;
    at = Math.ceil((at + bytes) / 4096) * 4096;
    return start;
  };
  const [qAt, kAt, vAt, yAt] = [q, k, v, q].map(({ length }) => take(length * 4));
  const segments = take(segmentBytes);
  const scratch = take(kernels.attentionBytes({ nKeys: tokens, headSize: size, headSizeV: size, int16: 1, nRows: 0 }));
  if (at > memory.buffer.byteLength) throw new Error(`${tokens} tokens need ${at} bytes`);
  for (const [values, address] of [
    [q, qAt],
    [k, kAt],
    [v, vAt],
  ]) {
    f32.set(values, address / 4);
  }
  kernels.setSegment({ segments, i: 0, k: kAt, ldk: width * 4, v: vAt, ldv: width * 4, rows: tokens });
  return {
    result: () => f32.slice(yAt / 4, yAt / 4 + tokens * width),
    /** @param int16 1: products in int16, 0: in float32. @param wide 1: tiles for 256-bit registers */
    attend: (int16, wide) =>
      kernels.attendSequence({
        scratch,
        q: qAt,
        ldq: width * 4,
        nQuery: tokens,
        firstQuery: 0,
        segments,
        nSegments: 1,
        nKeys: tokens,
        nHead: heads,
        nHeadKv: heads,
        headSize: size,
        headSizeV: size,
        scale: 1 / Math.sqrt(size),
        back: everything,
        forward: everything,
        ahead: 0,
        softcap: 0,
        bias: 0,
        centre: tokens - 1,
        y: yAt,
        ldy: width * 4,
        wide,
        int16,
        relative: 0,
        quantized: 0,
      }),
  };
}
