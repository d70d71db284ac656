/**
 * @file The command `serve`.
 */
import type { Embedder } from '../engine/index.ts';
import { createApp } from '../server/index.ts';
import { listen } from '../server/listen.node.ts';
import { requireModel } from './input.ts';
import { loadEmbedder } from './load.ts';
import { log } from './log.ts';
import type { Parsed } from './parse-options.ts';

/** Serves a model until SIGINT or SIGTERM; what was accepted by then is answered first. A second signal ends at once. */
export async function serve(parsed: Parsed): Promise<void> {
  const { values } = parsed;
  const path = requireModel(parsed);
  const stop = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const onSignal = () => {
    if (stop.signal.aborted) {
      log('second signal: ending at once');
      process.exit(1);
    }
    log('stopping: answering what was accepted');
    stop.abort(new Error('stopped while the model was loading'));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);

  const started = performance.now();
  let loaded: (embedder: Embedder) => void = () => {};
  const loading = new Promise<Embedder>((resolve) => {
    loaded = resolve;
  });
  const app = createApp(loading, {
    aliases: values.alias,
    normalize: values.embdNormalize,
    onError: (error) =>
      log(`error: ${error instanceof Error ? (values.verbose ? error.stack : error.message) : error}`),
  });
  const server = await listen(app, { host: values.host, port: values.port });
  log(`loading ${path}`);
  let embedder: Embedder;
  try {
    embedder = await loadEmbedder(path, values, { signal: stop.signal });
  } catch (error) {
    await server.close();
    if (stop.signal.aborted) return;
    throw error;
  }
  loaded(embedder);
  await loading;
  log(describe(embedder, performance.now() - started));
  log(`listening on ${server.url}`);
  if (server.port > 0) log(`try: ${curl(server.url)}`);
  await stopped;
  await server.close();
  await embedder.dispose();
  process.exit(0);
}

function describe({ info }: Embedder, milliseconds: number): string {
  const { name, architecture, ftype, pooling, nEmbdOut, nCtx, backend, backendDescription, precision } = info;
  return [
    `model loaded in ${(milliseconds / 1000).toFixed(2)} s: ${name} (${architecture}, ${ftype})`,
    `pooling ${pooling}, ${nEmbdOut} dimensions, context ${nCtx} tokens`,
    `backend ${backend} (${backendDescription}), precision ${precision}`,
  ].join('\n');
}

function curl(url: string): string {
  return `curl ${url}/v1/embeddings -H 'Content-Type: application/json' -d '{"input":"Hello, world"}'`;
}
