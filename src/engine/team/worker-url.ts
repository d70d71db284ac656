/**
 * @file Where the module of workers is: beside this one, or at a URL that the caller gives.
 */
import { builtin, type WorkerModule } from '../../workers/index.ts';

const workerFile = './team-worker.ts';

/** What to do if a bundler has not bundled the workers' module. */
const advice =
  'if this program is bundled, also bundle gguf-embed/worker and pass its URL as the option workerUrl, or set worker: false';

/** Whether the workers' module is a file beside this one. A bundler may have left it behind. */
export function isWorkerBeside(): boolean {
  return builtin('node:fs')?.existsSync(new URL(workerFile, import.meta.url)) ?? false;
}

/**
 * The module that workers run. `start` has the form by which bundlers recognise a worker. The path in `url`
 * for Node must not be a literal, or bundlers would copy the module unchanged. The build turns `.ts` into `.js` in both.
 */
export function workerModule(url: string | URL | undefined): WorkerModule {
  if (url !== undefined) return { url: () => url, start: () => new Worker(url, { type: 'module' }), advice };
  return {
    advice,
    url: () => new URL(workerFile, import.meta.url),
    start: () => new Worker(new URL('./team-worker.ts', import.meta.url), { type: 'module' }),
  };
}
