/**
 * @file Socket activation: finds the sockets that a service manager opens before it starts the program, by the protocol of
 * systemd's `sd_listen_fds`.
 */
import type { Environment } from '../options/environment.ts';
import { UsageError } from '../usage-error.ts';

/** The first descriptor after standard input, output and error. */
const FIRST = 3;
/** More sockets than any unit lists. */
const MOST = 1024;

/**
 * File descriptors of the listening sockets for the process `pid`; empty if there are none.
 * @throws UsageError if the variable with their number is invalid
 */
export function passedSockets(env: Environment, pid: number): number[] {
  // Child processes inherit the variables, but the sockets are not for them.
  if (env.LISTEN_PID !== String(pid) || env.LISTEN_FDS === undefined) return [];
  const count = Number(env.LISTEN_FDS);
  if (env.LISTEN_FDS === '' || !Number.isInteger(count) || count < 0 || count > MOST) {
    throw new UsageError(`LISTEN_FDS must be an integer from 0 to ${MOST}, not "${env.LISTEN_FDS}"`);
  }
  return Array.from({ length: count }, (_, index) => FIRST + index);
}
