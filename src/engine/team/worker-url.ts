/**
 * @file Where the module of workers is: beside this one, or at a URL that the caller gives.
 */
import { builtin, type WorkerModule } from '../../workers/index.ts';

/** What to do if a bundler has not bundled the workers' module. */
const advice =
  'if this program is bundled, also bundle gguf-embed/worker and pass its URL as the option workerUrl, or set worker: false';

/** Whether the workers' module is a file beside this one. A bundler may have left it behind. */
export function isWorkerBeside(): boolean {
  return builtin('node:fs')?.existsSync(urlBeside()) ?? false;
}

/**
 * The file beside this one, which Node runs where it is. What `new URL(file, import.meta.url)` names, bundlers copy without its imports; Turbopack
 * finds that also behind variables.
 */
function urlBeside(): URL {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(import.meta.url.replace(/[^/]*$/, `team-worker.${ending}`));
}

/** The module that workers run. `start` has the form by which bundlers recognise a worker; the build turns `.ts` into `.js` there. */
export function workerModule(url: string | URL | undefined): WorkerModule {
  if (url !== undefined) return { url: () => url, start: () => new Worker(url, { type: 'module' }), advice };
  return {
    advice,
    url: urlBeside,
    start: () => new Worker(new URL('./team-worker.ts', import.meta.url), { type: 'module' }),
  };
}
