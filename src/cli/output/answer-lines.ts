/**
 * @file `--jsonl`: writes a line for each input line, in order, as soon as it and all lines before it are done.
 */
import type { InputError } from '../../engine/errors.ts';
import type { ImageError } from '../../engine/index.ts';
import { problemOfInput } from '../input/input-problem.ts';
import { type InputLine, jsonLines, type Line, type LineForms } from '../input/jsonl.ts';
import { lineCounter, log } from '../log.ts';
import type { OptionValues } from '../options/option-table.ts';
import { plural } from '../plural.ts';
import { UsageError } from '../usage-error.ts';
import { write } from './write.ts';

/** Groups of lines in progress at a time: enough to keep the backend busy, few enough to bound memory. */
const GROUPS_AHEAD = 2;

/** How a command answers lines. */
export interface LineAnswers {
  /** The participle in `120 lines embedded`. */
  readonly done: string;
  readonly forms?: LineForms;
  /**
   * The output line for each input, in order, or the error of an invalid input. If the first error ends the command,
   * the lines after it may be left out.
   */
  answer(lines: readonly InputLine[]): Promise<(string | InputError | ImageError | UsageError)[]>;
}

/**
 * Answers the lines of `-f` or standard input. With `--on-error stop`, an invalid line ends the command after the answers
 * to the lines before it; with `skip`, its answer is `null`.
 * @throws UsageError that names the line, or at the end the number of such lines; what `answer` and writing throw
 */
export async function answerLines(values: OptionValues, answers: LineAnswers): Promise<void> {
  const groups = jsonLines(values, answers.forms);
  const output = new Output(values.onError === 'skip', answers.done);
  const ahead: Promise<void>[] = [];
  let last = Promise.resolve();
  let failure: { readonly error: unknown } | undefined;
  let giveUp: (error: unknown) => void = () => {};
  /** The next group, or the failure of an earlier one: that must be reported without waiting for another line. */
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
      // It is awaited in order; until then a failure must not count as unhandled.
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

/** The lines up to the first invalid one; lines after it get no answer. */
function untilBad(lines: Line[]): Line[] {
  const bad = lines.findIndex((line) => 'problem' in line);
  return bad < 0 ? lines : lines.slice(0, bad + 1);
}

async function writeAfter(
  previous: Promise<void>,
  answered: Promise<(string | InputError | ImageError | UsageError)[]>,
  lines: readonly Line[],
  output: Output,
): Promise<void> {
  await previous;
  const answers = (await answered).values();
  const texts: (string | UsageError)[] = [];
  for (const line of lines) {
    const answer = 'problem' in line ? new UsageError(line.problem) : answers.next().value;
    if (answer === undefined) break;
    texts.push(
      typeof answer !== 'string' && !(answer instanceof UsageError)
        ? new UsageError(problemOfInput(answer, `line ${line.number}`))
        : answer,
    );
  }
  await output.write(texts);
}

/** Standard output, one line for each answer. */
class Output {
  /** Whether an invalid line gets the answer `null` and does not end the command. */
  readonly skips: boolean;
  readonly #counter: ReturnType<typeof lineCounter>;
  #nLines = 0;
  #nBad = 0;

  constructor(skips: boolean, done: string) {
    this.skips = skips;
    this.#counter = lineCounter(done);
  }

  /**
   * Writes the answers up to the first error that ends the command.
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

  /** @throws UsageError if lines were skipped */
  end(): void {
    this.#counter.end();
    if (this.#nBad === 0) return;
    throw new UsageError(
      `${this.#nBad} of ${plural(this.#nLines, 'line')} ${this.#nBad === 1 ? 'is invalid: its answer is' : 'are invalid: their answers are'} null`,
    );
  }
}
