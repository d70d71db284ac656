/** @file How products are cut: the panel of the CPU kernel, and the tile of a workgroup on a GPU. */
import { compileKernels, tryKernels } from '../../build/modules/kernels/wasm/kernels.js';
import { column, matmulTile, tileThreads } from '../../build/modules/kernels/webgpu/shaders/matmul-tile.wgsl.js';
import { tiles } from '../../build/modules/kernels/webgpu/strategies.js';
import { check } from './files.mjs';
import { label, note, picture, rect } from './svg.mjs';

/** Where each weight of 16 rows of `depth` values is in a panel, in int16: found by packing matrices with a single weight. */
async function placesOf(depth) {
  const { kernels, memory } = await tryKernels(await compileKernels(false));
  const [f32, i16] = [new Float32Array(memory.buffer), new Int16Array(memory.buffer)];
  const [x, w, scales, scratch] = [65536, 98304, 114688, 131072];
  const places = new Map();
  for (let n = 0; n < 16; n++) {
    for (let k = 0; k < depth; k++) {
      f32.fill(0, x / 4, x / 4 + 16 * depth);
      f32[x / 4 + n * depth + k] = 1;
      kernels.packPanelI16({
        x,
        ldx: depth * 4,
        nValid: 16,
        k: depth,
        kPad: depth,
        kb: depth,
        aLimit: 9459,
        w,
        scales,
        row: scratch,
      });
      const panel = i16.subarray(w / 2, w / 2 + 16 * depth);
      const found = panel.findIndex((value) => value !== 0);
      check(
        found >= 0 && panel.subarray(found + 1).every((value) => value === 0) && !places.has(found),
        `place of ${n}, ${k}`,
      );
      places.set(found, { n, k });
    }
  }
  return places;
}

/** A matrix of weights and its panel in memory. */
export async function panel() {
  const depth = 8;
  const places = await placesOf(depth);
  const cell = 24;
  const nameOf = (n) => (n < 4 ? 'taken' : 'box');
  const parts = [label(16, 52, '16 outputs × 8 of k, as in the file', { name: 'soft' })];
  for (let n = 0; n < 16; n++) {
    for (let k = 0; k < depth; k++) {
      parts.push(rect(16 + k * cell, 60 + n * cell, cell, cell, nameOf(n)));
      parts.push(label(16 + (k + 0.5) * cell, 60 + (n + 0.68) * cell, `${n}`, { anchor: 'middle' }));
    }
  }
  const left = 16 + depth * cell + 80;
  parts.push(label(left, 52, 'the panel in memory: 64 bytes a line', { name: 'soft' }));
  for (const [place, { n, k }] of [...places].sort(([a], [b]) => a - b)) {
    const [x, y] = [left + (place % 32) * cell, 60 + Math.floor(place / 32) * (cell + 30)];
    parts.push(rect(x, y, cell, cell, nameOf(n)), label(x + cell / 2, y + 16, `${n}`, { anchor: 'middle' }));
    parts.push(label(x + cell / 2, y + 38, `${k}`, { name: 'soft', anchor: 'middle' }));
  }
  const y = 60 + 16 * cell;
  parts.push(
    note(
      left,
      y - 106,
      'In a cell: the output (the row of the file). Below it: k.',
      'Blue: one register of 128 bits. It has two values of k for each of four outputs. One instruction multiplies',
      'them by the same two activations and adds the products of each pair: 8 products, 4 sums.',
    ),
  );
  const title = 'A panel of the int16 kernel: weights in the order in which the loop reads them';
  return picture(left + 32 * cell + 16, y + 20, title, title, parts);
}

/** The tile of a workgroup, and which thread computes which outputs. */
export async function workgroup() {
  const tile = tiles.find(({ bm, bn, tm, tn }) => bm === 64 && bn === 64 && tm === 4 && tn === 4);
  const { bm, bn, tm, tn } = tile;
  const [columns, threads] = [bn / tn, tileThreads(tile)];
  const { code } = matmulTile('F32', bm, bn, tm, tn, true, 'plain', false, false, false, 'f32', 'f32', 'in turn');
  check(
    code.includes(`let tx = (t % ${columns}u) * 4u;`) && code.includes(`let ty = (t / ${columns}u) * ${tm}u;`),
    'the outputs of a thread',
  );
  check(code.includes(`@workgroup_size(${threads})`), 'the threads of a workgroup');
  const owner = new Map();
  for (let t = 0; t < threads; t++) {
    for (let i = 0; i < tm; i++) {
      for (let j = 0; j < tn; j++) {
        const place = `${Math.floor(t / columns) * tm + i} ${(t % columns) * 4 + column(j, columns)}`;
        check(!owner.has(place), `two threads compute ${place}`);
        owner.set(place, t);
      }
    }
  }
  check(owner.size === bm * bn, 'every output has a thread');
  const shown = 37;
  const cell = 7;
  const [left, top] = [16 + 32 * cell + 24, 70 + 32 * cell + 24];
  const mine = [...owner].filter(([, t]) => t === shown).map(([place]) => place.split(' ').map(Number));
  const [rows, cols] = [0, 1].map((i) => [...new Set(mine.map((place) => place[i]))].sort((a, b) => a - b));
  const parts = [
    label(16, top - 8, `x: ${bm} rows × 32 of K`, { name: 'soft' }),
    rect(16, top, 32 * cell, bm * cell),
    rows.map((r) => rect(16, top + r * cell, 32 * cell, cell, 'other')),
    label(left, 62, `W: ${bn} outputs, 32 of K each`, { name: 'soft' }),
    rect(left, 70, bn * cell, 32 * cell),
    cols.map((c) => rect(left + c * cell, 70, cell, 32 * cell, 'third')),
    label(left, top - 8, `${bm} × ${bn} outputs of one workgroup`, { name: 'soft' }),
  ];
  for (let t = 0; t < threads; t++) {
    const [x, y] = [left + (t % columns) * 4 * cell, top + Math.floor(t / columns) * tm * cell];
    parts.push(rect(x, y, 4 * cell, tm * cell), label(x + 2 * cell, y + tm * cell - 10, `${t}`, { anchor: 'middle' }));
  }
  parts.push(mine.map(([r, c]) => rect(left + c * cell, top + r * cell, cell, cell, 'taken')));
  const y = top + bm * cell + 24;
  const loads = rows.length + cols.length;
  parts.push(
    note(
      16,
      y,
      `Each of the ${threads} threads has ${tm} × ${tn} sums. Thread ${shown} (blue) reads ${rows.length} rows of x (orange) and`,
      `${cols.length} of W (green) from shared memory: ${loads} loads for ${rows.length * cols.length} products.`,
      'Then both tiles move on by 32 values of K.',
    ),
  );
  const title = `The tile of a workgroup: ${bm} × ${bn} outputs, ${threads} threads`;
  return picture(left + bn * cell + 16, y + 60, title, title, parts);
}
