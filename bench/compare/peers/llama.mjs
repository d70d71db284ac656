// One side of the comparison: native llama.cpp through node-llama-cpp's prebuilt CPU library, one text at a time.
// Two ways of feeding it are tried and the faster one is timed: the package's public `getEmbeddingFor`, and its addon
// called directly (batch, decode, read), which saves the JavaScript around each evaluation.
// LLAMA_CPU names the library of llama.cpp's that is to compute, such as `zen4`; without it llama.cpp takes its best.
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import Module from 'node:module';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '../../at-exit.mjs';
import { serve } from './protocol.mjs';

const { LLAMA_CPU } = process.env;
if (LLAMA_CPU) offerOnly(`libggml-cpu-${LLAMA_CPU}.so`);

/** The addon looks for libraries in its own folder: it is shown one that has nothing else. */
function offerOnly(library) {
  const loadAddon = Module._extensions['.node'];
  Module._extensions['.node'] = (module, path) => {
    loadAddon(module, path);
    const { loadBackends } = module.exports;
    const loadOne = () => {
      const folder = temporaryFolder();
      symlinkSync(join(dirname(path), library), join(folder, library));
      loadBackends(folder);
    };
    module.exports = Object.create(module.exports, { loadBackends: { value: loadOne } });
  };
}

const { getLlama, LlamaLogLevel } = await import('node-llama-cpp');

let llama;
let model;
let context;
let feed;

/** Direct calls of the addon: clear the cache, put the text in a batch, decode it, read the pooled vector. */
async function feedAddon(ids) {
  const addon = context._llamaContext._ctx;
  addon.disposeSequence(0);
  addon.initBatch(ids.length);
  const last = Uint32Array.of(ids.length - 1);
  addon.addToBatch(0, 0, Uint32Array.from(ids), last);
  await addon.decodeBatch();
  return addon.getEmbedding(ids.length);
}

const feedPublic = async (ids) => (await context.getEmbeddingFor(ids)).vector;

async function time(feeder, texts) {
  const start = performance.now();
  for (const ids of texts) await feeder(ids);
  return (performance.now() - start) / 1000;
}

/** The libraries of llama.cpp that compute; only Linux tells. */
function librariesInUse() {
  if (!existsSync('/proc/self/maps')) return 'unknown';
  const names = readFileSync('/proc/self/maps', 'utf8').match(/libggml-cpu[^\s/]*\.so/g) ?? [];
  return [...new Set(names)].join(', ');
}

serve({
  /** `longest` is the number of tokens of the longest text that will come. */
  async load({ model: path, threads, longest, flashAttention }) {
    llama ??= await getLlama({
      gpu: false,
      build: 'never',
      progressLogs: false,
      logLevel: LlamaLogLevel.error,
      maxThreads: 0,
    });
    const library = librariesInUse();
    if (LLAMA_CPU && !library.includes(LLAMA_CPU))
      throw new Error(`llama.cpp has no library for ${LLAMA_CPU}, or this CPU cannot run it`);
    await context?.dispose();
    await model?.dispose();
    model = await llama.loadModel({ modelPath: path, defaultContextFlashAttention: flashAttention });
    // More than the longest text: the public call refuses a text that fills the context. A multiple of 256, as llama.cpp rounds it.
    const size = 256 * (Math.floor(longest / 256) + 1);
    context = await model.createEmbeddingContext({ contextSize: size, batchSize: size, threads });
    feed = undefined;
    return { library };
  },
  async run({ texts }) {
    if (!feed) {
      // Of long texts a part: the way that they are fed matters little there.
      const sample = texts.slice(0, 8).map((ids) => (ids.length <= 512 ? ids : [...ids.slice(0, 511), ids.at(-1)]));
      await time(feedPublic, sample);
      const publicSeconds = await time(feedPublic, sample);
      let addonSeconds = Number.POSITIVE_INFINITY;
      try {
        await time(feedAddon, sample);
        addonSeconds = await time(feedAddon, sample);
      } catch {
        // The addon's own calls are not a public interface: a release without them is measured by the public one.
      }
      feed = addonSeconds < publicSeconds ? feedAddon : feedPublic;
    }
    return { seconds: await time(feed, texts), way: feed === feedAddon ? 'addon' : 'getEmbeddingFor' };
  },
  async embed({ ids }) {
    return { vector: [...(await (feed ?? feedPublic)(ids))] };
  },
});
