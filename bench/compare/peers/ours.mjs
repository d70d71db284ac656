// One side of the comparison: gguf-embed as built in dist/ (or the folder of the environment variable BENCH_DIST), through
// its public API, set up as the command line does it.
import { serve } from './protocol.mjs';

const { Embedder } = await import(
  process.env.BENCH_DIST ? `${process.env.BENCH_DIST}index.js` : '../../../dist/index.js'
);

let embedder;

/** A team measures the machine before this batch, and divides batches by what it has found from then on. */
const firstMeasured = 16;

serve({
  async load({ model, threads, precision, backend = 'auto', reproducible = false }) {
    await embedder?.dispose();
    embedder = await Embedder.load(model, {
      threads,
      precision,
      backend,
      worker: true,
      reproducible,
      packing: process.env.GGUF_EMBED_PACKING !== '0',
    });
    for (let n = 0; n < firstMeasured; n++) await embedder.embed('some words');
    const { info } = embedder;
    return { description: info.backendDescription, backend: info.backend, nVocab: info.nVocab, nCtx: info.nCtx };
  },
  async run({ texts, single = false }) {
    const [start, busy] = [performance.now(), process.cpuUsage()];
    if (single) for (const ids of texts) await embedder.embed([ids]);
    else await embedder.embed(texts);
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(busy);
    return { seconds, cpuSeconds: (user + system) / 1e6 };
  },
  async embed({ ids }) {
    const { vectors } = await embedder.embed([ids], { normalize: -1 });
    return { vector: [...vectors[0]] };
  },
});
