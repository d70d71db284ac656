/**
 * @file The command `parity`.
 */
import { availableParallelism } from 'node:os';
import { exactProgram, ownAnswers, ownPrograms } from '../audit/parity/ours.ts';
import { type PeerTask, peers } from '../audit/parity/peers.node.ts';
import { type Answers, markdownTable, type ParityRow, type Program, parityRow } from '../audit/parity/rows.ts';
import { parityTexts } from '../audit/parity/texts.ts';
import { loadTokenizer } from '../engine/tokenizer.ts';
import { requireModelOption } from './input.ts';
import { log } from './log.ts';
import type { Parsed } from './parse-options.ts';
import { plural } from './plural.ts';
import { readTextFile, requireExisting } from './read-file.ts';
import { UsageError } from './usage-error.ts';
import { write } from './write.ts';

/** Prints how close the answers of every program on this machine are to exact ones. */
export async function parity({ values, positionals, ...parsed }: Parsed): Promise<void> {
  const model = requireModelOption({ ...parsed, values, positionals });
  if (positionals.length > 0 && values.file !== undefined)
    throw new UsageError('texts are arguments or in -f, not both');
  const texts = values.file === undefined ? positionals : textLines(await readTextFile('-f', values.file));
  if (values.file !== undefined && texts.length === 0) throw new UsageError(`-f: ${values.file} has no texts`);
  if (values.onnx !== undefined) await requireExisting('--onnx', values.onnx);
  const found = await compareAll(await model.locate(), texts.length > 0 ? texts : parityTexts, values.onnx);
  if (values.json) {
    await write(`${JSON.stringify(found)}\n`);
    return;
  }
  await write(`${found.model}, ${plural(found.nTexts, 'text')}, compared with float32 arithmetic on the weights of the file

${markdownTable(found.rows)}${found.notCompared.map((reason) => `\nNot compared: ${reason}.`).join('')}${found.notCompared.length > 0 ? '\n' : ''}`);
}

function textLines(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line !== '');
}

/** Ways to pool that the other programs have. */
const comparable = ['mean', 'cls', 'last'] as const;

interface Found {
  readonly model: string;
  readonly nTexts: number;
  readonly rows: readonly ParityRow[];
  /** The reasons why programs have no row. */
  readonly notCompared: readonly string[];
}

async function compareAll(path: string, texts: readonly string[], onnx: string | undefined): Promise<Found> {
  const exact = await ownAnswers(path, exactProgram, texts);
  if (typeof exact === 'string') throw new Error(exact);
  const { pooling, name } = exact.info;
  if (pooling === 'none' || pooling === 'rank') {
    throw new UsageError(`${name} has pooling ${pooling}, which gives no vector of a text`);
  }
  if (!comparable.some((one) => one === pooling)) {
    throw new UsageError(`${name} has pooling ${pooling}; other programs are compared with ${comparable.join(', ')}`);
  }
  const rows = [parityRow(exactProgram, exact, exact, exact)];
  const notCompared: string[] = [];
  /** By program and precision. */
  const firsts = new Map<string, Answers>();
  const add = (program: Program, answers: Answers | string) => {
    if (typeof answers === 'string') {
      if (!notCompared.includes(answers)) notCompared.push(answers);
      return;
    }
    const key = `${program.program} ${program.precision}`;
    const first = firsts.get(key) ?? answers;
    firsts.set(key, first);
    rows.push(parityRow(program, answers, exact, first));
  };
  for (const program of ownPrograms(availableParallelism())) {
    const answers = await ownAnswers(path, program, texts);
    add(program, answers);
    if (typeof answers === 'string' && program.program === 'webgpu') break;
  }
  const tokenizer = await loadTokenizer(path);
  const task: PeerTask = { model: path, onnx, pooling, texts, ids: texts.map((text) => tokenizer.encode(text)) };
  for (const { program, precision, answers } of peers) {
    const found = await answers(task).catch((error: Error) => {
      log(`${program} failed: ${error.message}`);
      return `${program} failed`;
    });
    add({ program, precision, threads: undefined }, found);
  }
  return { model: name, nTexts: texts.length, rows, notCompared };
}
