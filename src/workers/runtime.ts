/**
 * @file Detects the runtime, and gives access to Node modules if it has them.
 */

type Process = typeof import('node:process');

interface Builtins {
  readonly 'node:fs': typeof import('node:fs');
  readonly 'node:fs/promises': typeof import('node:fs/promises');
  readonly 'node:module': typeof import('node:module');
  readonly 'node:os': typeof import('node:os');
  readonly 'node:path': typeof import('node:path');
  readonly 'node:url': typeof import('node:url');
  readonly 'node:worker_threads': typeof import('node:worker_threads');
}

/** Node's `process`, in Node, Deno and Bun. */
export const nodeProcess = (globalThis as { process?: Partial<Process> }).process;

/** A module of Node, if the runtime has it (Node, Deno, Bun). */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] | undefined {
  return nodeProcess?.getBuiltinModule?.(name) as Builtins[Name] | undefined;
}

/** Whether this is Node itself, not a runtime that imitates it. */
export function isNode(): boolean {
  return nodeProcess?.versions?.node !== undefined && !('Deno' in globalThis) && !('Bun' in globalThis);
}
