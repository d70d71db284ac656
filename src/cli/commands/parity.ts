/**
 * @file The command `parity`.
 */
import { exactProgram, type OwnProgram, ownAnswers, ownPrograms } from '../../audit/parity/ours.ts';
import { type PeerTask, peers } from '../../audit/parity/peers.node.ts';
import { type Answers, markdownTable, type ParityRow, type Program, parityRow } from '../../audit/parity/rows.ts';
import { parityTexts } from '../../audit/parity/texts.ts';
import { now } from '../../clock.ts';
import { cpuCount } from '../../engine/cpu-count.ts';
import { loadTokenizer } from '../../engine/load/tokenizer.ts';
import { describeAdapter, findAdapterInfo } from '../../kernels/webgpu/device.ts';
import { isSoftware } from '../../kernels/webgpu/probe.ts';
import { requireModelOption } from '../input/input.ts';
import { readTextFile, requireExisting } from '../input/read-file.ts';
import { log, progressLine } from '../log.ts';
import type { OptionValues } from '../options/option-table.ts';
import type { Parsed } from '../options/parse-options.ts';
import { write } from '../output/write.ts';
import { plural } from '../plural.ts';
import { UsageError } from '../usage-error.ts';

/** Prints how close the answers of every program on this machine are to exact ones. */
export async function parity({ values, positionals, ...parsed }: Parsed): Promise<void> {
  const model = requireModelOption({ ...parsed, values, positionals });
  if (positionals.length > 0 && values.file !== undefined)
    throw new UsageError('texts are arguments or in -f, not both');
  const texts = values.file === undefined ? positionals : textLines(await readTextFile('-f', values.file));
  if (values.file !== undefined && texts.length === 0) throw new UsageError(`-f: ${values.file} has no texts`);
  if (values.onnx !== undefined) await requireExisting('--onnx', values.onnx);
  const path = await model.locate();
  const chosen = await choosePrograms(values.backend);
  const progress = followPrograms(1 + chosen.programs.length + peers.length);
  const task = { path, texts: texts.length > 0 ? texts : parityTexts, onnx: values.onnx, chosen, next: progress.next };
  const found = await compareAll(task).finally(progress.end);
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

interface Chosen {
  readonly programs: readonly OwnProgram[];
  /** The reasons why backends are not among them. */
  readonly notCompared: readonly string[];
}

/** The configurations of one backend, or of all. A GPU that is software counts only if the user names it: it takes minutes. */
async function choosePrograms(backend: OptionValues['backend']): Promise<Chosen> {
  const all = ownPrograms(cpuCount());
  if (backend !== 'auto') {
    const reason = `backends other than ${backend}, since --backend is ${backend}`;
    return { programs: all.filter(({ program }) => program === backend), notCompared: [reason] };
  }
  const info = await findAdapterInfo().catch(() => undefined);
  if (info === undefined || !isSoftware(info)) return { programs: all, notCompared: [] };
  const reason = `webgpu, since ${describeAdapter(info)} computes on the CPU (--backend webgpu compares it)`;
  return { programs: all.filter(({ program }) => program !== 'webgpu'), notCompared: [reason] };
}

/** A progress line that names the program that computes. */
function followPrograms(total: number): { next(program: Program): void; end(): void } {
  const show = progressLine();
  let nDone = -1;
  let name = '';
  let started = 0;
  // A timer, because one program may compute for minutes.
  const timer = setInterval(() => {
    show(nDone, total, () => `${name}, ${((now() - started) / 1000).toFixed(0)} s`);
  }, 100);
  return {
    next({ program, precision, threads }) {
      nDone++;
      name = [program, precision, threads === undefined ? '' : plural(threads, 'thread')].filter(Boolean).join(', ');
      started = now();
    },
    end() {
      clearInterval(timer);
      show(total, total, () => '');
    },
  };
}

interface Task {
  readonly path: string;
  readonly texts: readonly string[];
  readonly onnx: string | undefined;
  readonly chosen: Chosen;
  /** Called before a program computes. */
  next(program: Program): void;
}

async function compareAll({ path, texts, onnx, chosen, next }: Task): Promise<Found> {
  next(exactProgram);
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
  const notCompared = [...chosen.notCompared];
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
  for (const program of chosen.programs) {
    next(program);
    const answers = await ownAnswers(path, program, texts);
    add(program, answers);
    if (typeof answers === 'string' && program.program === 'webgpu') break;
  }
  const tokenizer = await loadTokenizer(path);
  const task: PeerTask = { model: path, onnx, pooling, texts, ids: texts.map((text) => tokenizer.encode(text)) };
  for (const { answers, ...peer } of peers) {
    const program = { ...peer, threads: undefined };
    next(program);
    const found = await answers(task).catch((error: Error) => {
      log(`${peer.program} failed: ${error.message}`);
      return `${peer.program} failed`;
    });
    add(program, found);
  }
  return { model: name, nTexts: texts.length, rows, notCompared };
}
