/**
 * @file How many threads are worth starting: the CPUs of the process, and the share of them that a container or a service may use.
 */
import { builtin, isNode } from '../workers/index.ts';

/** Reads a text file; `undefined` if that cannot be done. */
type Read = (path: string) => string | undefined;

/** CPUs that this process may use; 1 if the runtime does not say. A limit of 1.5 CPUs counts as 1: threads would wait for those that are held back. */
export function cpuCount(): number {
  const all = builtin('node:os')?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
  // Other runtimes heed the limit themselves, and Deno may ask the user before it reads a file.
  return isNode() ? Math.max(1, Math.min(all, Math.floor(cpuLimit(readText)))) : all;
}

/**
 * The CPUs that Linux lets the control group of this process use, `Infinity` without a limit. Some versions of Node do not look for it.
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html (`cpu.max`) and
 *   https://docs.kernel.org/scheduler/sched-bwc.html (`cpu.cfs_quota_us`, version 1)
 */
export function cpuLimit(read: Read): number {
  let limit = Number.POSITIVE_INFINITY;
  for (const line of read('/proc/self/cgroup')?.split('\n') ?? []) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    if (controllers === '')
      limit = Math.min(
        limit,
        leastShare('/sys/fs/cgroup', path, (folder) => shareOfMax(read, folder)),
      );
    else if (controllers.split(',').includes('cpu')) {
      limit = Math.min(
        limit,
        leastShare('/sys/fs/cgroup/cpu', path, (folder) => shareOfQuota(read, folder)),
      );
    }
  }
  return limit;
}

/** The least share of a group and those around it. In a container, its own group may be the root, whatever its path says. */
function leastShare(root: string, path: string, shareOf: (folder: string) => number): number {
  const names = path.split('/').filter((name) => name !== '');
  const folders = names.map((_, i) => `${root}/${names.slice(0, i + 1).join('/')}`);
  return Math.min(...[root, ...folders].map(shareOf));
}

function shareOfMax(read: Read, folder: string): number {
  const [, quota, period] = /^(\d+) (\d+)\s*$/.exec(read(`${folder}/cpu.max`) ?? '') ?? [];
  return share(quota, period);
}

function shareOfQuota(read: Read, folder: string): number {
  return share(read(`${folder}/cpu.cfs_quota_us`), read(`${folder}/cpu.cfs_period_us`));
}

/** No limit is `max` in version 2 and -1 in version 1. */
function share(quota: string | undefined, period: string | undefined): number {
  const value = Number(quota) / Number(period);
  return value > 0 ? value : Number.POSITIVE_INFINITY;
}

function readText(path: string): string | undefined {
  try {
    return builtin('node:fs')?.readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
