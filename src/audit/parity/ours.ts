/**
 * @file The backends, precisions and thread counts of this machine.
 */
import { Embedder, GpuError, type LoadOptions, type ModelInfo } from '../../engine/index.ts';
import { ModelError } from '../../models/index.ts';
import type { Answers, Program } from './rows.ts';

/** One configuration of this program, and its name. */
export interface OwnProgram extends Program {
  readonly options: LoadOptions;
}

/** The exact answers that everything is compared with. */
export const exactProgram: OwnProgram = {
  program: 'reference',
  precision: 'exact',
  threads: 1,
  options: { backend: 'reference' },
};

/**
 * All other configurations, grouped by program and precision.
 * @param nCpus thread counts are powers of two from 1 up to this number, at most 8
 */
export function ownPrograms(nCpus: number): OwnProgram[] {
  const threads = [1, 2, 4, 8].filter((n) => n === 1 || n <= nCpus);
  const wasm = (['exact', 'high', 'fast'] as const).flatMap((precision) =>
    threads.map((n) => ({
      program: 'wasm',
      precision,
      threads: n,
      // As every command computes by default; without packing, `fast` is `high` for some types and versions of Node.
      options: { backend: 'wasm', precision, threads: n, worker: true, packing: true } as const,
    })),
  );
  const webgpu = (['exact', 'high', 'fast'] as const).map((precision) => ({
    program: 'webgpu',
    precision,
    threads: undefined,
    options: { backend: 'webgpu', precision } as const,
  }));
  return [...wasm, ...webgpu];
}

/** Loads the model, embeds the texts, and frees it. Resolves to the reason if there is no GPU, or if the vectors are no numbers. */
export async function ownAnswers(
  path: string,
  { options, program, precision }: OwnProgram,
  texts: readonly string[],
): Promise<(Answers & { readonly info: ModelInfo }) | string> {
  let embedder: Embedder;
  try {
    embedder = await Embedder.load(path, options);
  } catch (error) {
    if (error instanceof GpuError) return error.message;
    throw error;
  }
  try {
    const { vectors } = await embedder.embed(texts, { normalize: -1 });
    const tokens = texts.map((text) => embedder.tokenize(text, { addSpecial: false }));
    return { vectors, tokens, info: embedder.info };
  } catch (error) {
    if (error instanceof ModelError) return `${program} at ${precision}, since ${error.message}`;
    throw error;
  } finally {
    await embedder.dispose();
  }
}
