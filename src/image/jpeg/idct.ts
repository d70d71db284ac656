/**
 * @file The inverse cosine transform of an 8x8 block, in the integer arithmetic of stb_image (which llama.cpp uses), so that
 * pixels are equal to the last bit.
 */

const K = (x: number) => Math.trunc(4096 * x + 0.5);
const [C0, C1, C2] = [K(0.5411961), K(-1.847759065), K(0.765366865)];
const [D5, D0, D1, D2, D3] = [K(1.175875602), K(0.298631336), K(2.053119869), K(3.072711026), K(1.50132111)];
const [E1, E2, E3, E4] = [K(-0.899976223), K(-2.562915447), K(-1.96157056), K(-0.390180644)];

const columns = new Int32Array(64);

/**
 * @param block 64 coefficients, already multiplied by their quantisation factors
 * @param out samples of the component, `stride` a row; the block is written at `at`
 */
export function inverseTransform(block: Int16Array, out: Uint8Array, at: number, stride: number): void {
  for (let i = 0; i < 8; i++) transformColumn(block, i);
  for (let row = 0; row < 8; row++, at += stride) transformRow(8 * row, out, at);
}

function transformColumn(s: Int16Array, i: number): void {
  if ((s[i + 8] | s[i + 16] | s[i + 24] | s[i + 32] | s[i + 40] | s[i + 48] | s[i + 56]) === 0) {
    const value = s[i] * 4;
    for (let k = i; k < 64; k += 8) columns[k] = value;
    return;
  }
  const p1 = (s[i + 16] + s[i + 48]) * C0;
  const t2 = p1 + s[i + 48] * C1;
  const t3 = p1 + s[i + 16] * C2;
  const t0 = (s[i] + s[i + 32]) * 4096;
  const t1 = (s[i] - s[i + 32]) * 4096;
  const s1 = s[i + 8];
  const s3 = s[i + 24];
  const s5 = s[i + 40];
  const s7 = s[i + 56];
  const p5 = (s7 + s3 + s5 + s1) * D5;
  const q1 = p5 + (s7 + s1) * E1;
  const q2 = p5 + (s5 + s3) * E2;
  const q3 = (s7 + s3) * E3;
  const q4 = (s5 + s1) * E4;
  const o0 = s7 * D0 + q1 + q3;
  const o1 = s5 * D1 + q2 + q4;
  const o2 = s3 * D2 + q2 + q3;
  const o3 = s1 * D3 + q1 + q4;
  const x0 = t0 + t3 + 512;
  const x3 = t0 - t3 + 512;
  const x1 = t1 + t2 + 512;
  const x2 = t1 - t2 + 512;
  columns[i] = (x0 + o3) >> 10;
  columns[i + 56] = (x0 - o3) >> 10;
  columns[i + 8] = (x1 + o2) >> 10;
  columns[i + 48] = (x1 - o2) >> 10;
  columns[i + 16] = (x2 + o1) >> 10;
  columns[i + 40] = (x2 - o1) >> 10;
  columns[i + 24] = (x3 + o0) >> 10;
  columns[i + 32] = (x3 - o0) >> 10;
}

/** Half of the last bit, and 128 to bring the samples from -128...127 to 0...255. */
const ROUND = 65536 + (128 << 17);

function transformRow(i: number, out: Uint8Array, at: number): void {
  const s = columns;
  const p1 = (s[i + 2] + s[i + 6]) * C0;
  const t2 = p1 + s[i + 6] * C1;
  const t3 = p1 + s[i + 2] * C2;
  const t0 = (s[i] + s[i + 4]) * 4096;
  const t1 = (s[i] - s[i + 4]) * 4096;
  const s1 = s[i + 1];
  const s3 = s[i + 3];
  const s5 = s[i + 5];
  const s7 = s[i + 7];
  const p5 = (s7 + s3 + s5 + s1) * D5;
  const q1 = p5 + (s7 + s1) * E1;
  const q2 = p5 + (s5 + s3) * E2;
  const q3 = (s7 + s3) * E3;
  const q4 = (s5 + s1) * E4;
  const o0 = s7 * D0 + q1 + q3;
  const o1 = s5 * D1 + q2 + q4;
  const o2 = s3 * D2 + q2 + q3;
  const o3 = s1 * D3 + q1 + q4;
  const x0 = t0 + t3 + ROUND;
  const x3 = t0 - t3 + ROUND;
  const x1 = t1 + t2 + ROUND;
  const x2 = t1 - t2 + ROUND;
  out[at] = clamp((x0 + o3) >> 17);
  out[at + 7] = clamp((x0 - o3) >> 17);
  out[at + 1] = clamp((x1 + o2) >> 17);
  out[at + 6] = clamp((x1 - o2) >> 17);
  out[at + 2] = clamp((x2 + o1) >> 17);
  out[at + 5] = clamp((x2 - o1) >> 17);
  out[at + 3] = clamp((x3 + o0) >> 17);
  out[at + 4] = clamp((x3 - o0) >> 17);
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
