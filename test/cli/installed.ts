/** @file Programs that a test needs and a machine may lack. */
import { spawnSync } from 'node:child_process';

/** Whether a program is installed; says on standard error which tests are skipped without it. */
export function works(program: string): boolean {
  const { status } = spawnSync(program, ['--version'], { stdio: 'ignore' });
  if (status !== 0) console.warn(`tests with ${program} are skipped: it is not installed`);
  return status === 0;
}
