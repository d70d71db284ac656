/**
 * @file Computes planned inputs: encodes their images, and gives them to the scheduler.
 */
import { onAbort } from '../abortable.ts';
import type { Job, Rows } from '../batching/queue.ts';
import type { Scheduler } from '../batching/scheduler.ts';
import { poolsRows } from '../outputs/passes.ts';
import { completePlan, groupPlans, hasImages, type Plan, type Vision } from './plan.ts';

/** What computes: the scheduler, and the encoder of images if there is a tower. */
interface Computing {
  readonly scheduler: Scheduler;
  readonly vision: Vision | undefined;
}

/** The rows of each plan. If one fails, or the caller's signal aborts, also cancels images that are being encoded. */
export async function computePlans(
  computing: Computing,
  plans: readonly Plan[],
  job: Omit<Job, 'inputs'>,
): Promise<Rows[]> {
  if (!plans.some(hasImages)) return computeGroups(computing, plans, job);
  const stop = new AbortController();
  // `AbortSignal.any` refuses signals of another realm.
  const abort = () => stop.abort(job.signal?.reason);
  if (job.signal?.aborted) abort();
  const forget = job.signal && onAbort(job.signal, abort);
  try {
    return await computeGroups(computing, plans, { ...job, signal: stop.signal }, (error) => stop.abort(error));
  } finally {
    forget?.();
  }
}

/** Inputs whose images take much memory are computed group by group. @param onFailure called if an image cannot be encoded */
async function computeGroups(
  { scheduler, vision }: Computing,
  plans: readonly Plan[],
  job: Omit<Job, 'inputs'>,
  onFailure: (error: unknown) => void = () => {},
): Promise<Rows[]> {
  const rows: Rows[] = [];
  let nTokensBefore = 0;
  for (const group of groupPlans(plans)) {
    const completing = group.map((plan) => completePlan(plan, vision?.encoder, job));
    const inputs = await Promise.all(completing).catch((error) => {
      onFailure(error);
      throw error;
    });
    const before = nTokensBefore;
    const more = await scheduler.submit({
      ...job,
      inputs,
      pairStarts: job.pairStarts?.slice(rows.length, rows.length + group.length),
      seen: group.map((plan) => plan.seen),
      poolFrom: poolsRows(job.pooling) ? group.map((plan) => plan.pooledFrom) : undefined,
      onTokens: job.onTokens && ((done) => job.onTokens?.(before + done)),
    });
    for (const row of more) rows.push(row);
    nTokensBefore += group.reduce((sum, { nTokens }) => sum + nTokens, 0);
  }
  return rows;
}
