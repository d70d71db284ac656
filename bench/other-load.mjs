// How much CPU time processes outside the bench took while something was measured (Linux; unknown elsewhere).
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/**
 * Starts watching. The folder of the system's counters and the process at the root of the bench are parameters for tests.
 * @returns a function that gives `{share, seconds}` since then: CPU time of everything but this process and its children, as a share of all
 * cores (0 to 1) and in seconds of one core; `undefined` where the system does not tell. Times are counted in ticks of 10 ms.
 */
export function watchOtherLoad({ proc = '/proc', pid = process.pid } = {}) {
  const before = sample(proc, pid);
  return () => {
    const after = sample(proc, pid);
    if (before === undefined || after === undefined) return undefined;
    const seconds = Math.max(0, after.busy - before.busy - (after.own - before.own)) / 100;
    return { seconds, share: (100 * seconds) / Math.max(1, after.total - before.total) };
  };
}

/** Ticks since the machine started: of all cores, of those the busy ones, and of this process tree. */
function sample(proc, pid) {
  if (!existsSync(`${proc}/stat`)) return undefined;
  const [user, nice, system, idle, ioWait, irq, softIrq, steal] = readFileSync(`${proc}/stat`, 'utf8')
    .split('\n', 1)[0]
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const busy = user + nice + system + irq + softIrq + steal;
  return { busy, total: busy + idle + ioWait, own: ticksOfTree(proc, pid) };
}

/** Ticks of a process and all that descend from it, with those that have ended. */
function ticksOfTree(proc, root) {
  const children = new Map();
  const ticks = new Map();
  for (const name of readdirSync(proc)) {
    if (!/^\d+$/.test(name)) continue;
    let stat;
    try {
      stat = readFileSync(`${proc}/${name}/stat`, 'latin1');
    } catch {
      continue;
    }
    // The name of the program, in parentheses, may hold blanks and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const parent = Number(fields[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    ticks.set(
      Number(name),
      fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0),
    );
  }
  const own = [root];
  for (const pid of own) own.push(...(children.get(pid) ?? []));
  return own.reduce((sum, pid) => sum + (ticks.get(pid) ?? 0), 0);
}
