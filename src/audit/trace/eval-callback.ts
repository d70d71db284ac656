/**
 * @file The text that llama.cpp's `llama-eval-callback` prints: for each tensor one line with its name, type and sizes, then a sample of
 * its values in brackets, then their sum.
 *
 * ```
 * common_debug_cb_eval:               ffn_up-0 = (f32)    MUL_MAT(…) = {1536, 9, 1, 1}
 *     [
 *         [
 *             [     -0.1234,  ...
 *     sum = -12.345678
 * ```
 * Names of views (`Qcur-0 (reshaped)`) are skipped: their values belong to another tensor.
 */
import { RecordError, type RecordedStep, type RecordedTrace } from './recorded.ts';
import { sampleIndices } from './sample.ts';

/** The name, the type and the sizes, fastest axis first. */
const head = /^.*?:\s+(\S.*?) = \((\w+)\)\s+.* = \{(\d+), (\d+), (\d+), (\d+)\}\s*$/;
const number = /-?(?:\d+\.\d+|\binf\b|\bnan\b)/g;

/** Whether a text looks like the output of `llama-eval-callback`. */
export function isEvalCallback(text: string): boolean {
  return text.split('\n', MAX_LINES_BEFORE).some((line) => head.test(line));
}

/** Maximum number of log lines before the first tensor. */
const MAX_LINES_BEFORE = 10_000;

/**
 * All tensors of the text. Of a tensor with a fourth axis only the first part is read.
 * @throws RecordError when the values of a tensor do not match its sizes
 */
export function readEvalCallback(text: string): RecordedTrace {
  const steps: RecordedStep[] = [];
  let current: { name: string; shape: number[]; values: number[] } | undefined;
  for (const line of text.replaceAll(/\p{Cc}\[[\d;]*m/gu, '').split('\n')) {
    const [, name, , ...sizes] = head.exec(line) ?? [];
    if (name !== undefined) {
      current = { name, shape: sizes.slice(0, 3).map(Number).reverse(), values: [] };
    } else if (current !== undefined && /^\s*sum = /.test(line)) {
      if (!current.name.includes(' ')) steps.push(finish(current));
      current = undefined;
    } else if (current !== undefined) {
      for (const [found] of line.matchAll(number)) current.values.push(parseNumber(found));
    }
  }
  return { madeBy: 'llama.cpp', tokens: tokensOf(steps), steps, rounding: 5e-5 };
}

function parseNumber(text: string): number {
  return Number(text.replace('inf', 'Infinity').replace('nan', 'NaN'));
}

function finish({ name, shape, values }: { name: string; shape: number[]; values: number[] }): RecordedStep {
  const axes = shape.slice(shape.findIndex((length) => length > 1));
  const expected = sampleIndices(axes).length;
  if (values.length !== expected) {
    throw new RecordError(`${name} of ${shape.toReversed()} should show ${expected} values, not ${values.length}`);
  }
  return { name, shape: axes, values, isSample: true };
}

/** The ids, if the sample contains all of them. */
function tokensOf(steps: readonly RecordedStep[]): number[] | undefined {
  const ids = steps.find(({ name }) => name === 'inp_tokens');
  return ids?.shape.length === 1 && ids.shape[0] <= 6 ? Array.from(ids.values) : undefined;
}
