/**
 * @file Starts the workers of the page: from their files, or from texts where browsers refuse files (`file:`).
 */

/** Scripts of the workers by name; only the variant for `file:` has them. */
const sources = (globalThis as { ggufEmbedWorkers?: Readonly<Record<string, string>> }).ggufEmbedWorkers;

/** A worker whose script lies at `url`. */
export function startWorker(url: URL): Worker {
  const source = sources?.[url.pathname.split('/').at(-1)!];
  if (source === undefined) return new Worker(url, { type: 'module' });
  return new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
}
