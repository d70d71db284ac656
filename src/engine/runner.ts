/**
 * @file What computes: a loaded model on some backend, here or in workers. And the one that computes here.
 */
import type { GgufFile } from '../gguf/index.ts';
import { type LoadedModel, loadModel, type Pooling } from '../models/index.ts';
import type { Backend, BackendName, Precision } from '../tensor/backend.ts';
import type { Batch, Observer } from '../tensor/ops.ts';
import { type ProfileSource, readProfile } from './profile.ts';
import type { OpProfile } from './types.ts';

/** A loaded model that turns batches into vectors. One batch at a time. */
export interface Runner {
  readonly backend: BackendName;
  /** One line for people. */
  readonly description: string;
  readonly precision: Precision;
  readonly threads: number;
  /** `run` returns before anything is computed: there is time for other work until it resolves. */
  readonly inBackground: boolean;
  /** Why nothing can be computed any more: a worker died, or a GPU was lost for good. */
  readonly failure: Error | undefined;
  /**
   * Hidden states of the batch, pooled: `[nSeq, n]`, or `[T, n]` for `none`.
   * @param observer sees every named step
   */
  run(batch: Batch, pooling: Pooling, observer?: Observer): Promise<Float32Array>;
  /** Sums since the start, largest first; of rank 0 in a team. Rejects unless the backend collects them. */
  profile(): Promise<OpProfile[]>;
  /** Frees everything. Safe to call twice. */
  dispose(): Promise<void>;
}

/** What to report while weights are read, and how to stop it. */
export interface LoadWatch {
  /** Bytes of weights read, and bytes in all. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Loads the weights into `backend` and computes on the calling thread (or on the GPU that it drives). */
export async function startLocalRunner(
  file: GgufFile,
  backend: Backend & ProfileSource,
  precision: Precision,
  watch: LoadWatch,
): Promise<Runner> {
  const model = await loadModel(file, backend, watch).catch((error) => {
    backend.dispose();
    throw error;
  });
  return makeRunner({ backend, model }, precision);
}

interface Loaded {
  readonly backend: Backend & ProfileSource;
  readonly model: LoadedModel;
}

/** A function of its own, so that nothing but `loaded` holds the weights. */
function makeRunner(weights: Loaded, precision: Precision): Runner {
  let loaded: Loaded | undefined = weights;
  const { name, description } = weights.backend;
  const use = () => {
    if (loaded === undefined) throw new Error('the model was disposed of');
    return loaded;
  };
  return {
    backend: name,
    description,
    precision,
    threads: 1,
    inBackground: name === 'webgpu',
    failure: undefined,
    async run(batch, pooling, observer) {
      const { backend, model } = use();
      backend.observe(observer);
      const { ops } = backend;
      ops.begin(batch);
      const hidden = observer === undefined ? model.forward(ops) : model.namedForward(ops);
      return ops.read(model.pool(ops, hidden, pooling));
    },
    profile: async () => readProfile(use().backend),
    async dispose() {
      loaded?.backend.dispose();
      loaded = undefined;
    },
  };
}
