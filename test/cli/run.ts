/**
 * @file Runs the built program as a user does.
 */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The built entry; another build can be named in the environment. */
export const main = process.env.GGUF_EMBED_MAIN ?? fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** The path of a model among the fixtures. */
export const model = (name: string) => fileURLToPath(new URL(`../fixtures/models/${name}.gguf`, import.meta.url));

/** How a run ended. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Starts the program; nothing of the environment's own settings reaches it. Unless told otherwise it computes with
 * WebAssembly, so that tests are the same where the package `webgpu` is installed (which may also write warnings of its own).
 */
export function start(args: readonly string[], env: Record<string, string> = {}): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [main, ...args], {
    env: { PATH: process.env.PATH, GGUF_EMBED_BACKEND: 'wasm', ...env },
  });
}

/** Runs the program to its end. */
export function run(
  args: readonly string[],
  { input = '', env }: { input?: string | Uint8Array; env?: Record<string, string> } = {},
): Promise<Finished> {
  const child = start(args, env);
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return finished(child);
}

/** Whether tests run as root, who may do everything. */
export const isRoot = process.getuid?.() === 0;

/** Runs the program in a folder as a user who is not root: for tests as root, one who has no home and is in no table of users. */
export function asUser(args: readonly string[], cwd: string, more: Record<string, string> = {}) {
  const user = isRoot ? { uid: 54321, gid: 54321 } : {};
  const env = { PATH: process.env.PATH, GGUF_EMBED_BACKEND: 'wasm', ...more };
  return spawnSync(process.execPath, [main, ...args], { cwd, encoding: 'utf8', env, ...user });
}

/** The end of a started program. */
export function finished(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  return new Promise((resolve, reject) => {
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Waits until a started server listens. */
export async function listening(child: ChildProcessWithoutNullStreams) {
  const end = finished(child);
  let log = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.on('data', (data) => {
      log += data;
      const found = /listening on (http:\S+)\n/.exec(log);
      if (found) resolve(found[1]);
    });
    child.on('close', () => reject(new Error(log)));
  });
  return { child, end, url, log: () => log };
}
