/**
 * @file The part of a trace that people look at: pictures of its tensors, norms of their rows, and what pooling takes of each token.
 */
import { type AttentionLayer, headsOf, type Picture, picture, rowNorms, type Table } from './picture.ts';

/** A trace, as the engine gives it. */
interface TraceSteps {
  readonly tokens: readonly unknown[];
  /** The first token that pooling sees. */
  readonly pooledFrom: number;
  readonly pooling: string;
  readonly steps: readonly TracedTable[];
}

/** A step of a trace. */
interface TracedTable extends Table {
  /** The image that it belongs to, if it is of the vision tower. */
  readonly image?: number;
}

/** What a report shows of the text model. */
export interface TraceTables {
  /** Tensors with a row for each token. */
  readonly activations: readonly Picture[];
  /** The shares of attention: for each layer, one picture a head. */
  readonly attention: readonly AttentionLayer[];
  /** The Euclidean norm of each row of each of `activations`. */
  readonly norms: readonly (readonly number[])[];
  /** How much of the pooled vector comes from each token; together 1. Empty where pooling takes no part of the rows. */
  readonly shares: readonly number[];
}

/** Whether a table is scores or shares of attention, which have a row for each head and token. */
export function isAttention(name: string): boolean {
  return /^kq(_soft_max)?(-|$)/.test(name);
}

/** The tables of the text model with a row for each token. */
export function tokenTables<Step extends TracedTable>(steps: readonly Step[], nTokens: number): Step[] {
  return steps.filter(({ name, rows, image }) => image === undefined && rows === nTokens && !isAttention(name));
}

/** The tables of a trace, which must have all steps that are to be seen. */
export function traceTables(trace: TraceSteps): TraceTables {
  const n = trace.tokens.length;
  const shown = tokenTables(trace.steps, n);
  const attention = trace.steps.filter(
    ({ name, rows, cols, image }) =>
      image === undefined && name.startsWith('kq_soft_max') && cols === n && rows % n === 0,
  );
  return {
    activations: shown.map((step) => picture(step.name, step.values, step.rows, step.cols)),
    attention: attention.map((step) => headsOf(step, n)),
    norms: shown.map(rowNorms),
    shares: sharesOf(trace, shown.at(-1)),
  };
}

/** The part of the pooled vector's length that each row brings along its direction. */
function sharesOf({ steps, pooling, tokens, pooledFrom }: TraceSteps, last: Table | undefined): number[] {
  const n = tokens.length;
  if (pooling === 'cls') return tokens.map((_, i) => (i === pooledFrom ? 1 : 0));
  if (pooling === 'last') return tokens.map((_, i) => (i === n - 1 ? 1 : 0));
  const pooled = steps.find(({ name }) => name === 'result_embd_pooled');
  if (
    (pooling !== 'mean' && pooling !== 'mean-sqrt-len') ||
    pooled === undefined ||
    last === undefined ||
    last.cols !== pooled.cols
  )
    return [];
  const dots = Array.from({ length: n }, (_, r) => {
    if (r < pooledFrom) return 0;
    let sum = 0;
    for (let i = 0; i < last.cols; i++) sum += last.values[r * last.cols + i] * pooled.values[i];
    return sum;
  });
  const total = dots.reduce((sum, value) => sum + value, 0);
  return dots.map((value) => Number((value / total).toPrecision(4)));
}
