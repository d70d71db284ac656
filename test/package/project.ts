/**
 * @file Runs programs in the project that the package is installed in: fresh processes, with no variable of this
 * process but the search path, a home folder of their own, and the choice of a Vulkan driver.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject } from 'vitest';
import { type Finished, finished, listening } from '../cli/run.ts';

const { project, webgpu } = inject('packed');

/** The project's folder. */
export const folder = typeof project === 'string' ? project : '';

if (typeof project !== 'string') console.warn(`tests of the installed package are skipped: ${project.missing}`);
else if (webgpu !== true) console.warn(`tests of the installed package on a GPU are skipped: ${webgpu.missing}`);

/** `describe` where the package could be installed. */
export const describeInstalled = describe.skipIf(typeof project !== 'string');

/** `describe` where the package `webgpu` could be installed beside it. */
export const describeWebGpu = describe.skipIf(webgpu !== true);

/** The model that comes with the project, in the folder. */
export const bundled = 'all-MiniLM-L6-v2-Q8_0.gguf';

/** An answer of `/v1/embeddings`. */
export interface Embeddings {
  readonly data: readonly { readonly embedding: number[] }[];
}

/** The program that npm has linked. */
export const program = join(folder, 'node_modules/.bin/gguf-embed');

/** Where the program itself lies, for runtimes that do not start by `#!`. */
export const main = join(folder, 'node_modules/gguf-embed/dist/cli/main.js');

const env: Record<string, string> = { HOME: join(folder, '../home') };
for (const name of ['PATH', 'VK_DRIVER_FILES', 'VK_ICD_FILENAMES', 'LD_LIBRARY_PATH']) {
  if (process.env[name] !== undefined) env[name] = process.env[name];
}

/** Starts a command in the project. */
function start(command: string, args: readonly string[], cwd = folder): ChildProcessWithoutNullStreams {
  return spawn(command, args, { cwd, env });
}

/** Runs a command to its end, at most `seconds` long. */
export async function run(
  command: string,
  args: readonly string[],
  { input = '', seconds = 60, cwd }: { input?: string; seconds?: number; cwd?: string } = {},
): Promise<Finished & { signal: NodeJS.Signals | null }> {
  const child = start(command, args, cwd);
  const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const end = await finished(child);
  clearTimeout(timer);
  return { ...end, signal: child.signalCode };
}

/** Runs the installed program; it must succeed. */
export async function succeed(...args: readonly string[]): Promise<Finished> {
  const end = await run(program, args);
  expect(end, end.stderr).toMatchObject({ code: 0, signal: null });
  return end;
}

/** Runs a script of the project under a runtime; it must succeed and end by itself. What it printed, as JSON. */
export async function script<T>(
  text: string,
  {
    command = process.execPath,
    flags = [],
    seconds = 60,
  }: { command?: string; flags?: string[]; seconds?: number } = {},
): Promise<T> {
  const name = `script-${Math.random().toString(36).slice(2)}.mjs`;
  await writeFile(join(folder, name), text);
  const end = await run(command, [...flags, name], { seconds });
  expect(end, `${end.stdout}\n${end.stderr}`).toMatchObject({ code: 0, signal: null });
  return JSON.parse(end.stdout) as T;
}

/** Starts the server under a runtime, lets `use` ask it, ends it by SIGTERM. Its exit code and its log. */
export async function serving(
  args: readonly string[],
  use: (url: string) => Promise<void>,
  command: readonly string[] = [program],
): Promise<{ code: number | null; log: string }> {
  const child = start(command[0], [...command.slice(1), 'serve', '--port', '0', ...args]);
  const timer = setTimeout(() => child.kill('SIGKILL'), 90_000);
  try {
    const { end, url, log } = await listening(child);
    await use(url);
    child.kill('SIGTERM');
    return { code: (await end).code, log: log() };
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
  }
}

/** Asks a server with a JSON body. */
export async function ask<T>(url: string, body: unknown): Promise<T> {
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body), signal: AbortSignal.timeout(60_000) });
  expect(answer.status).toBe(200);
  return (await answer.json()) as T;
}
