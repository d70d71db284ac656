/** @file Blocks of quantised weights: their bytes, and the values that the codecs of the package make of them. */
import { codecs } from '../../build/modules/tensor/codecs/index.js';
import { check, tensorBytes } from './files.mjs';
import { label, line, note, number, picture, rect } from './svg.mjs';

/** A row of 384 values. */
const rowBytes = 12 * 34;

function dequantize(type, bytes, n) {
  const values = new Float32Array(n);
  codecs[type].dequantize(bytes, values, n);
  return values;
}

/** Bars of values around a zero line at `y`. @param largest the value that is `height` high */
function bars(values, x, y, width, height, largest, nameOf) {
  const each = Array.from(values, (value, i) => {
    const tall = (Math.abs(value) / largest) * height;
    return rect(x + i * width + 1, value < 0 ? y : y - tall, Math.max(width - 2, 1), tall, nameOf(i));
  });
  return [...each, line(x, y, x + values.length * width, y)];
}

/** Q8_0: a scale and 32 bytes. They begin the row of token 101, which the tour prints. */
export async function q8() {
  const { bytes, at } = await tensorBytes('token_embd.weight', 101 * rowBytes, 34);
  const values = dequantize('Q8_0', bytes, 32);
  const whole = new Int8Array(bytes.buffer, 2, 32);
  const largest = Math.max(...values.map(Math.abs));
  const scale = largest / Math.max(...Array.from(whole, Math.abs));
  check(
    Array.from(whole, (q) => Math.fround(q * scale)).every((value, i) => Math.abs(value - values[i]) < 1e-6),
    'values are bytes times the scale',
  );
  const width = 29;
  const left = 16 + 2 * width + 10;
  const hex = (byte) => byte.toString(16).padStart(2, '0');
  const parts = [
    label(16, 52, 'scale', { name: 'soft' }),
    label(left, 52, '32 signed bytes', { name: 'soft' }),
    Array.from(bytes, (byte, i) => {
      const x = i < 2 ? 16 + i * width : left + (i - 2) * width;
      return [
        rect(x, 58, width, 24, i < 2 ? 'other' : 'box'),
        label(x + width / 2, 74, hex(byte), { anchor: 'middle' }),
      ];
    }),
    label(16, 104, `${number(scale)}`),
    Array.from(whole, (value, i) =>
      label(left + (i + 0.5) * width, 104, number(value), { name: 'soft', anchor: 'middle' }),
    ),
    bars(values, left, 190, width, 70, largest, () => 'taken'),
    note(
      left,
      284,
      `value = scale × byte: from ${number(Math.min(...values))} to ${number(Math.max(...values))}, in steps of ${number(scale)}`,
    ),
  ];
  const title = `A block of Q8_0: 34 bytes for 32 values (bytes ${at} to ${at + 33} of the bundled file)`;
  return picture(left + 32 * width + 16, 304, title, title, parts);
}

/** Q4_K: eight groups of 32 values with scales and minima of six bits. */
export async function q4k() {
  const name = 'blk.0.ffn_up.weight';
  const { bytes } = await tensorBytes(name, 0, rowBytes);
  const exact = dequantize('Q8_0', bytes, 384).subarray(0, 256);
  const block = new Uint8Array(144);
  codecs.Q4_K.quantize(exact, block, 256);
  const values = dequantize('Q4_K', block, 256);
  // The levels of a group: what the codec gives when all four bits of every value are 0, and 1.
  const lowest = dequantize(
    'Q4_K',
    block.map((byte, i) => (i < 16 ? byte : 0)),
    256,
  );
  const highest = dequantize(
    'Q4_K',
    block.map((byte, i) => (i < 16 ? byte : 255)),
    256,
  );
  const strip = [
    [2, 'other'],
    [2, 'other'],
    [12, 'third'],
    [128, 'box'],
  ];
  const width = 3.4;
  const total = 256 * width;
  const parts = [];
  let at = 0;
  for (const [size, kind] of strip) {
    const x = 16 + (at / 144) * total;
    const wide = (size / 144) * total;
    parts.push(
      rect(x, 58, wide, 24, kind),
      label(x + wide / 2, 74, size === 12 ? '12' : size > 2 ? '128' : String(size), {
        anchor: 'middle',
      }),
    );
    at += size;
  }
  parts.push(label(52, 52, 'd and dmin; 12 bytes: 8 scales and 8 minima of 6 bits', { name: 'soft' }));
  parts.push(label(480, 52, '128 bytes: 256 values of 4 bits', { name: 'soft' }));
  const largest = Math.max(...exact.map(Math.abs), ...lowest.map(Math.abs), ...highest.map(Math.abs));
  const middle = 190;
  for (let group = 0; group < 8; group++) {
    const x = 16 + group * 32 * width;
    const level = (q) => lowest[group * 32] + ((highest[group * 32] - lowest[group * 32]) * q) / 15;
    for (let q = 0; q < 16; q++) {
      const y = middle - (level(q) / largest) * 80;
      parts.push(
        `<path class="line" opacity="0.35" d="M${x + 1} ${Math.round(y * 10) / 10}h${Math.round((32 * width - 3) * 10) / 10}"/>`,
      );
    }
    const step = level(1) - level(0);
    parts.push(label(x + 2, 292, `step ${number(step, 2)}`, { name: 'soft' }));
    parts.push(label(x + 2, 308, `from ${number(level(0), 2)}`, { name: 'soft' }));
    for (let i = group * 32; i < (group + 1) * 32; i++) {
      const nearest = (values[i] - level(0)) / step;
      check(Math.abs(nearest - Math.round(nearest)) < 1e-3, `value ${i} is one of the 16 levels`);
      const dot = (value, name, size) =>
        rect(16 + i * width, middle - (value / largest) * 80 - size / 2, size, size, name);
      parts.push(dot(exact[i], 'mark', 2.4), dot(values[i], 'taken', 2.4));
    }
  }
  const worst = Math.max(...values.map((value, i) => Math.abs(value - exact[i])));
  parts.push(
    note(
      16,
      334,
      `Each group of 32 values has 16 levels of its own. Red: the values; blue: the nearest levels. Largest error: ${number(worst, 2)}.`,
    ),
  );
  const title = `A block of Q4_K: 144 bytes for 256 values (the first of ${name}, quantised again)`;
  return picture(Math.round(total) + 32, 352, title, title, parts);
}
