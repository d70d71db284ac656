/**
 * @file Computes one input, and collects every step that the observer sees.
 */
import type { Chunk, Pooling, Result } from '../../models/index.ts';
import type { Tokenizer } from '../../tokenizer/index.ts';
import type { Scheduler } from '../batching/scheduler.ts';
import type { Plan, Vision } from '../images/plan.ts';
import type { ModelInfo } from '../model-info.ts';
import { finish } from '../outputs/normalize.ts';
import { poolsRows } from '../outputs/passes.ts';
import { collectSteps, type Trace, type TracedImage, type TraceOptions } from './trace.ts';

/** The model that computes, and what is asked of it. */
interface TraceContext extends Pick<TraceOptions, 'only' | 'signal' | 'onProgress'> {
  readonly info: ModelInfo;
  readonly tokenizer: Tokenizer;
  readonly scheduler: Scheduler;
  readonly vision: Vision | undefined;
  readonly pooling: Pooling;
  /** What the forward pass returns: the pooling, through the layers of one side of a search if they differ. */
  readonly result: Result;
  readonly normalize: number;
  /** The scale of each adapter. */
  readonly adapters: readonly number[] | undefined;
}

/** Every step of the input of `plan`: those of the vision tower for each image, then those of the text model. */
export async function traceInput(plan: Plan, context: TraceContext): Promise<Trace> {
  const { info, tokenizer, scheduler, vision, pooling, result, normalize, only, adapters, onProgress, signal } =
    context;
  const { steps, observe } = collectSteps(only);
  const chunks: Chunk[] = [];
  const images: TracedImage[] = [];
  const tokens: { readonly id: number; readonly text: string }[] = [];
  for (const chunk of plan.chunks) {
    if (chunk instanceof Int32Array) {
      chunks.push(chunk);
      for (const id of chunk) tokens.push({ id, text: tokenizer.decodePieces([id]) });
      continue;
    }
    const encoder = vision!.encoder;
    const nth = images.length;
    const { pixels, nx, ny, rows } = await encoder.observe(chunk, observe(nth), signal);
    chunks.push({ nx, ny, rows });
    images.push({ ...pixels, nx, ny, firstToken: tokens.length, ...encoder.layout(pixels) });
    for (let i = 0; i < nx * ny; i++) tokens.push({ id: -1, text: `image ${nth} (${i % nx}, ${Math.floor(i / nx)})` });
  }
  const observer = observe();
  const [row] = await scheduler.submit({
    inputs: [images.length === 0 ? (chunks[0] as Int32Array) : chunks],
    pooling: result,
    poolFrom: poolsRows(result) ? [plan.pooledFrom] : undefined,
    observer,
    adapters,
    signal,
    onTokens: onProgress && ((done) => onProgress({ stage: 'embed', done, total: plan.nTokens })),
  });
  const { values, width } = row;
  if (pooling !== 'none') observer('result_embd_pooled', values.slice(), 1, width);
  const last = images.at(-1);
  const pooledFrom =
    last === undefined || info.vision?.mediaPooling === 'whole'
      ? (plan.pooledFrom ?? 0)
      : last.firstToken + last.nx * last.ny;
  const vector = finish(values, width, width, normalize);
  return { info, tokens, images, pooledFrom, pooling, steps, vector, dimensions: width };
}
