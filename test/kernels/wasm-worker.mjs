/** @file One worker of a team, for `wasm-team.test.ts`; computes with the built package. */
import { parentPort, workerData } from 'node:worker_threads';
import { createWasmBackend } from '../../build/modules/kernels/wasm/index.js';
import { graphs } from './wasm-encoder.mjs';

const { setup, rank, precision } = workerData;
const backend = await createWasmBackend({ precision, setup, rank });
const weights = {};

/** Now and then takes its time after a step, so that the ranks are apart. */
function dawdle() {
  if (Math.random() < 0.7) return;
  const end = performance.now() + Math.random() * 0.4;
  while (performance.now() < end);
}

/** Same allocations on every rank; rank 0 fills. */
async function loadWeights(sources) {
  for (const { name, type, shape, bytes, role } of sources) {
    const source = {
      name,
      type,
      shape,
      byteLength: bytes.length,
      read: async (at, into) => into.set(bytes.subarray(at, at + into.length)),
    };
    weights[name] = backend.allocate(source, role);
    if (rank === 0) await backend.fill(weights[name], source);
  }
}

parentPort.on(
  'message',
  async ({ sources, measure, batch, team, isAlone, fail, jitter, pooling, graph = 'encoder' }) => {
    try {
      if (sources) {
        await loadWeights(sources);
        parentPort.postMessage({});
        return;
      }
      if (measure) {
        parentPort.postMessage({ costs: backend.measure() });
        return;
      }
      if (isAlone) backend.setAlone();
      else backend.setTeam(team);
      backend.ops.begin(batch);
      const out = graphs[graph](backend.ops, weights, pooling);
      if (fail)
        backend.profile = {
          add: () => {
            throw new Error('worker fell over');
          },
        };
      else backend.profile = jitter ? { add: dawdle } : undefined;
      parentPort.postMessage({ values: await backend.ops.read(out) });
    } catch (error) {
      parentPort.postMessage({ error: error.message });
    }
  },
);
