/**
 * @file `--jsonl`: a line out for each line in, in order, as soon as it and those before it are done.
 */
import { ContextSizeError, InputError } from '../engine/errors.ts';
import { type InputLine, jsonLines, type Line } from './jsonl.ts';
import { lineCounter, log } from './log.ts';
import type { OptionValues } from './option-table.ts';
import { UsageError } from './usage-error.ts';
import { write } from './write.ts';

/** Groups of lines that are worked on while the first of them is waited for; keeps the backend busy and memory flat. */
const GROUPS_AHEAD = 2;

/** How lines are answered. */
export interface LineAnswers {
  /** What is done, as in `120 lines embedded`. */
  readonly done: string;
  /** Whether an array of token ids is an input, too. */
  readonly takesIds: boolean;
  /**
   * The line of output for each input, in order; in its place the error of an input that cannot be used. What follows the
   * first error may be left out where it ends everything.
   */
  answer(lines: readonly InputLine[]): Promise<(string | InputError)[]>;
}

/**
 * Answers the lines of `-f` or standard input. With `--on-error stop` a line that cannot be used ends this at once, after the
 * answers to those before it; with `skip` its answer is `null`.
 * @throws UsageError naming that line, or at the end how many there were; what `answer` and writing throw
 */
export async function answerLines(values: OptionValues, answers: LineAnswers): Promise<void> {
  const groups = jsonLines(values, answers.takesIds);
  const output = new Output(values.onError === 'skip', answers.done);
  const ahead: Promise<void>[] = [];
  let last = Promise.resolve();
  let failure: { readonly error: unknown } | undefined;
  let giveUp: (error: unknown) => void = () => {};
  /** The next group, or the failure of one before it: its writer must not wait for a line that may never come. */
  const next = () =>
    new Promise<IteratorResult<Line[]>>((resolve, reject) => {
      giveUp = reject;
      if (failure !== undefined) reject(failure.error);
      else groups.next().then(resolve, reject);
    });
  try {
    for (let group = await next(); !group.done; group = await next()) {
      const lines = output.skips ? group.value : untilBad(group.value);
      const answered = answers.answer(lines.filter((line) => 'input' in line));
      // It is waited for in its turn; until then a failure must not count as unhandled.
      answered.catch(() => {});
      const written = writeAfter(last, answered, lines, output);
      written.catch((error) => {
        failure ??= { error };
        giveUp(error);
      });
      last = written;
      ahead.push(written);
      if (ahead.length === GROUPS_AHEAD) await ahead.shift();
    }
  } finally {
    await last;
  }
  output.end();
}

/** The lines up to the first bad one: what follows it has no answer. */
function untilBad(lines: Line[]): Line[] {
  const bad = lines.findIndex((line) => 'problem' in line);
  return bad < 0 ? lines : lines.slice(0, bad + 1);
}

async function writeAfter(
  previous: Promise<void>,
  answered: Promise<(string | InputError)[]>,
  lines: readonly Line[],
  output: Output,
): Promise<void> {
  await previous;
  const answers = (await answered).values();
  const texts: (string | UsageError)[] = [];
  for (const line of lines) {
    const answer = 'problem' in line ? new UsageError(line.problem) : answers.next().value;
    if (answer === undefined) break;
    texts.push(answer instanceof InputError ? new UsageError(problemOf(answer, line.number)) : answer);
  }
  await output.write(texts);
}

/** What is wrong with the input of a line: the engine counts inputs of a group, people count lines. */
function problemOf(error: InputError, number: number): string {
  if (error instanceof ContextSizeError) {
    const { nTokens, nCtx } = error;
    return `line ${number} is too large: it has ${nTokens} tokens, but the context is ${nCtx} (shorten it, or cut it with --truncate)`;
  }
  const counted = `input ${error.index}`;
  return error.message.includes(counted)
    ? error.message.replaceAll(counted, `line ${number}`)
    : `line ${number}: ${error.message}`;
}

/** Standard output, a line an answer. */
class Output {
  /** Whether a bad line is answered with `null` instead of ending everything. */
  readonly skips: boolean;
  readonly #counter: ReturnType<typeof lineCounter>;
  #nLines = 0;
  #nBad = 0;

  constructor(skips: boolean, done: string) {
    this.skips = skips;
    this.#counter = lineCounter(done);
  }

  /**
   * Writes the answers up to the first error that ends everything.
   * @throws that error
   */
  async write(results: readonly (string | UsageError)[]): Promise<void> {
    const end = this.skips ? -1 : results.findIndex((result) => typeof result !== 'string');
    const lines = (end < 0 ? results : results.slice(0, end)).map((result) => {
      if (typeof result === 'string') return result;
      this.#nBad++;
      log(`skipped: ${result.message}`);
      return 'null';
    });
    await write(lines.map((line) => `${line}\n`).join(''));
    this.#nLines += lines.length;
    this.#counter.add(lines.length);
    if (end >= 0) throw results[end];
  }

  /** @throws UsageError where lines were skipped */
  end(): void {
    this.#counter.end();
    if (this.#nBad === 0) return;
    throw new UsageError(`${this.#nBad} of ${this.#nLines} lines could not be used: their answers are null`);
  }
}
