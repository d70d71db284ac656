/**
 * @file What a newer Node is worth: an old one has no 256-bit packing of WebAssembly SIMD, and computes at half the speed.
 */
import { cpus } from 'node:os';
import { log } from '../log.ts';
import type { OptionValues } from '../options/option-table.ts';

/** The first Node whose V8 packs all kernels. */
const FIRST_WITH_PACKING = 24;

/** How many times as fast it is, by what the name of the CPU contains; `npm run bench:nodes` measures it, docs/kernels.md has the table. */
const measured = [{ cpu: 'AMD EPYC', factor: 2 }] as const;

/**
 * The advice for this Node, or `undefined` where there is none: a newer Node, another runtime, or a CPU without 256-bit registers.
 * @param versions as in `process.versions`
 * @param arch as in `process.arch`
 * @param readCpu gives the model of the CPU, as the system names it; asked only for an old Node, because Deno wants a permission for it
 */
export function nodeAdvice(
  versions: Readonly<Record<string, string | undefined>>,
  arch: string,
  readCpu: () => string,
): string | undefined {
  const { node = '', bun, deno } = versions;
  const old = Number.parseInt(node, 10) < FIRST_WITH_PACKING;
  if (!old || bun !== undefined || deno !== undefined || arch !== 'x64') return undefined;
  const cpu = readCpu();
  const same = measured.find((entry) => cpu.includes(entry.cpu));
  const [{ cpu: other, factor }] = measured;
  const worth =
    same === undefined
      ? `${factor} times as fast on ${other}; this CPU was not measured`
      : `${same.factor} times as fast on CPUs like this one`;
  return `Node ${FIRST_WITH_PACKING} or newer computes about ${worth} (this is Node ${node}; see docs/kernels.md)`;
}

/** Logs the advice where it concerns what is computed: on the CPU, unless the options turn packing off. */
export function logNodeAdvice({ packing, backend }: Pick<OptionValues, 'packing' | 'backend'>): void {
  if (!packing || backend === 'webgpu' || backend === 'reference') return;
  const advice = nodeAdvice(process.versions, process.arch, () => cpus()[0]?.model ?? '');
  if (advice !== undefined) log(advice);
}
