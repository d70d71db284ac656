// One side of the comparison: onnxruntime-node on an ONNX file of the same network, one text at a time and in batches
// of equal length; mean pooling or cls over the last hidden state is left out, in its favour.
import { serve } from './protocol.mjs';

const { default: ort } = await import('onnxruntime-node');

let session;
let wanted;

/** Runs `[n, length]` ids through the session. */
async function infer(rows) {
  const [n, length] = [rows.length, rows[0].length];
  const int64 = (fill) =>
    new ort.Tensor(
      'int64',
      BigInt64Array.from({ length: n * length }, (_, i) => fill(i)),
      [n, length],
    );
  const feeds = {};
  for (const name of wanted) {
    if (name === 'input_ids') feeds[name] = int64((i) => BigInt(rows[Math.floor(i / length)][i % length]));
    else if (name === 'attention_mask') feeds[name] = int64(() => 1n);
    else feeds[name] = int64(() => 0n);
  }
  const output = await session.run(feeds);
  return output[session.outputNames[0]];
}

serve({
  async load({ model, threads }) {
    await session?.release();
    session = await ort.InferenceSession.create(model, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
    });
    wanted = session.inputNames;
    return { inputs: wanted, outputs: session.outputNames };
  },
  /** `batch` texts of equal length per call of the session. */
  async run({ texts, batch = 1 }) {
    const start = performance.now();
    for (let i = 0; i < texts.length; i += batch) await infer(texts.slice(i, i + batch));
    return { seconds: (performance.now() - start) / 1000 };
  },
  /** Texts of mixed length in one call: padded to the longest, as tokenizers for this runtime do. */
  async runPadded({ texts }) {
    const longest = Math.max(...texts.map((ids) => ids.length));
    const rows = texts.map((ids) => [...ids, ...new Array(longest - ids.length).fill(0)]);
    const start = performance.now();
    await infer(rows);
    return { seconds: (performance.now() - start) / 1000 };
  },
});
