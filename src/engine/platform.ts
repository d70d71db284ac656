/**
 * @file What the engine needs to know about the runtime: number of CPUs, shared memory, file system.
 */
import { builtin, nodeProcess } from '../workers/index.ts';

/** CPUs that this process may use; 1 if the runtime does not say. */
export function cpuCount(): number {
  return builtin('node:os')?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
}

/** The path of a `file:` URL. */
export function filePath(url: URL): string {
  return builtin('node:url')?.fileURLToPath(url) ?? decodeURIComponent(url.pathname);
}

/** Whether memory can be shared between workers (browsers need the page to be cross-origin isolated). */
export function canShareMemory(): boolean {
  return typeof SharedArrayBuffer === 'function' && globalThis.crossOriginIsolated !== false;
}

/** Whether there is a file system with Node's API: in Node, Deno and Bun. */
export function hasFiles(): boolean {
  return nodeProcess?.versions?.node !== undefined;
}
