/**
 * @file The work of every kernel of the webgpu backend: operations and bytes of a launch, from its kernel's name and its parameters.
 *
 * A multiplication and an addition are two operations; `exp`, a division and the like count as one. Every operand is counted once, as if
 * caches were perfect.
 */

/** Operations of a norm, a softmax, a rotation and an activation for each value. */
const [ofNorm, ofSoftmax, ofRotation, ofActivation] = [8, 4, 3, 8];
/** Bytes of an activation in memory, as float32, as f16, and rounded to eight bits: a block of 32 has twelve words. */
const [float, half, rounded] = [4, 2, 1.5];
const none = 0xffffffff;

/** Bytes that a kernel writes for each value of its result. */
function writtenBytes(name) {
  if (!/ to (f16|quantised)\b/.test(name)) return float;
  return name.endsWith(' and f32') ? half + float : half;
}

/** Query and key pairs of one head that the masks leave. @param lastOnly one query of each sequence, its last */
function pairs(offsets, { maxBehind, maxAhead }, lastOnly) {
  let n = 0;
  for (let s = 0; s + 1 < offsets.length; s++) {
    const length = offsets[s + 1] - offsets[s];
    for (let i = lastOnly ? length - 1 : 0; i < length; i++) {
      n += Math.min(length - 1, i + maxAhead) - Math.max(0, i - maxBehind) + 1;
    }
  }
  return n;
}

function product(name, values, bytesPerWeight) {
  const { rows, nIn, nOut, hasResidual = 0, normWeightAt, normedFrom = none, addsFirst = 0 } = values;
  const { firstExpert, endExpert, pairsPerRow = 1, firstOut = 0, halvesFrom = 0, rotatedCols = 0 } = values;
  const nOutputs = / gated\b/.test(name) ? 2 * nOut : nOut;
  const matrices = firstExpert === undefined ? 1 : Math.min(endExpert - firstExpert, rows);
  const normed = normWeightAt !== undefined;
  const inputs = (rows / pairsPerRow) * nIn;
  const bytesPerInput = / int8\b/.test(name) ? rounded : / from f16\b/.test(name) ? half : float * (1 + addsFirst);
  const kept = normed && normedFrom !== none ? nIn : 0;
  const floats = Math.min(nOut, Math.max(0, halvesFrom - firstOut));
  const written = float * floats + writtenBytes(name) * (nOut - floats);
  const results = rows * (written + float * (nOut * hasResidual + kept));
  const angles = Number(/ rotated \w+ (\d+)\b/.exec(name)?.[1] ?? 0) * rows;
  return {
    flops: 2 * rows * nIn * nOutputs + (normed ? ofNorm * inputs : 0) + ofRotation * rows * rotatedCols,
    bytes: matrices * bytesPerWeight * nIn * nOutputs + inputs * bytesPerInput + results + float * angles,
  };
}

function attention(name, values, offsets) {
  const { rows, nHead, nGroup, nTiles, nQueries } = values;
  const [d, dv] = /^attention (\d+)\/(\d+)/.exec(name).slice(1).map(Number);
  const keys = offsets.at(-1) * (nHead / nGroup);
  const n = pairs(offsets, values, nQueries === 1 && nTiles === rows) * nHead;
  const halves = / from f16\b(?: ([qkv]+))?/.exec(name);
  const bytesOf = (operand) => (halves !== null && (halves[1] ?? 'qkv').includes(operand) ? half : float);
  return {
    flops: n * (2 * (d + dv) + ofSoftmax),
    bytes:
      bytesOf('q') * rows * nHead * d +
      keys * (bytesOf('k') * d + bytesOf('v') * dv) +
      writtenBytes(name) * rows * nHead * dv,
  };
}

/** `perValue` operations, and `touched` reads and writes, for each of the values of the result. */
const elements = (n, perValue, touched) => ({ flops: n * perValue, bytes: float * n * touched });

/**
 * The work of each launch, in order.
 * @param launches `{ kernel, values }` of each launch: the kernel's name and its parameters
 * @param options.types the table of storage types, `{ blockSize, blockBytes }` by name
 * @param options.offsets of the batch
 * @throws Error for a kernel whose work is not known
 */
export function workOf(launches, { types, offsets }) {
  return launches.map(({ kernel, values }) => {
    const { rows, cols } = values;
    const type = kernel.split(' ').find((word) => word in types);
    const bytesPerWeight = type && types[type].blockBytes / types[type].blockSize;
    const [kind] = kernel.split(' ');
    switch (kind) {
      case 'matmul':
        return product(kernel, values, bytesPerWeight);
      case 'attention':
        return attention(kernel, values, offsets);
      case 'norm': {
        const n = rows * values.n * values.groups;
        const turned = kernel.startsWith('norm and rope') ? ofRotation : 0;
        const { flops, bytes } = elements(n, ofNorm + turned, 1 + values.hasResidual + values.isAdded);
        return { flops, bytes: bytes + n * writtenBytes(kernel) };
      }
      case 'rope': {
        const n = rows * values.nHead * values.headSize;
        return { flops: n * ofRotation, bytes: n * (float + writtenBytes(kernel)) };
      }
      case 'rotation':
        return { flops: 0, bytes: 2 * float * rows * values.nRot };
      case 'embedding':
        return { flops: rows * cols, bytes: rows * cols * (bytesPerWeight + float * (1 + values.hasAdd)) };
      case 'quantize':
        return { flops: 3 * rows * values.nIn, bytes: rows * values.nIn * (float + rounded) };
      case 'pool': {
        const read = values.reduction === 0 ? rows : offsets.at(-1);
        return { flops: values.reduction === 0 ? 0 : read * cols, bytes: float * (read + rows) * cols };
      }
      case 'softmax':
        return elements(rows * cols, ofSoftmax, 2);
      case 'add':
        return elements(rows * cols, 1, 3);
      case 'glu':
        return elements(rows * cols, ofActivation + 1, 3);
      case 'activate':
      case 'rare':
        return elements(rows * cols, ofActivation, 2);
      case 'given':
        return elements(rows * cols, 1, 2 + values.isAdded);
      case 'shortConv':
        return elements(rows * cols, 2 * values.nTaps + 2, 4);
      case 'unfold':
        return { flops: 0, bytes: float * rows * (values.width + cols) };
      case 'moe':
        return expertsWork(kernel, values);
      default:
        throw new Error(`no work is known for the kernel ${kernel}`);
    }
  });
}

/** The choice of experts, their lists of rows, and the sum of their results. */
function expertsWork(kernel, { rows, cols, nExpert, nUsed }) {
  if (kernel === 'moe choose') return { flops: rows * nUsed * nExpert, bytes: float * rows * (nExpert + 2 * nUsed) };
  if (kernel === 'moe combine') return { flops: 2 * rows * nUsed * cols, bytes: float * rows * cols * (nUsed + 1) };
  return { flops: rows * nUsed, bytes: 2 * float * rows * nUsed };
}
