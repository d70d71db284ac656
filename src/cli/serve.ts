/**
 * @file The command `serve`.
 */
import { availableParallelism } from 'node:os';
import type { Embedder } from '../engine/index.ts';
import { createApp } from '../server/index.ts';
import { LargeRequests } from '../server/large/large-requests.node.ts';
import { locatePair } from './chosen-projector.ts';
import { offeredModel } from './default-model.ts';
import { requireModel } from './input.ts';
import { loadEmbedder } from './load.ts';
import { log } from './log.ts';
import { logNodeAdvice } from './node-advice.ts';
import type { Parsed } from './parse-options.ts';
import { requirePrompt } from './serve-files.ts';
import { appOptions, drainServers, listenEverywhere, stopOnSignal } from './serve-setup.ts';
import { serveSeveral, servesSeveral } from './serve-several.ts';

/** Serves a model until SIGINT or SIGTERM. Accepted requests are answered first; a second signal ends the program at once. */
export async function serve(parsed: Parsed): Promise<void> {
  if (servesSeveral(parsed)) return serveSeveral(parsed);
  const { values } = parsed;
  const model = (await offeredModel(parsed)) ?? requireModel(parsed);
  const { signal, stopped } = stopOnSignal();

  const started = performance.now();
  let loaded: (embedder: Embedder) => void = () => {};
  const loading = new Promise<Embedder>((resolve) => {
    loaded = resolve;
  });
  const large = new LargeRequests();
  const options = await appOptions(values);
  const app = createApp(loading, { ...options, large });
  const servers = await listenEverywhere(app, values);
  const close = () => Promise.all(servers.map((server) => server.close()));
  let embedder: Embedder;
  try {
    const { path, mmproj } = await locatePair(model, values, signal);
    log(`loading ${path}${mmproj === undefined ? '' : ` with ${mmproj}`}`);
    embedder = await loadEmbedder(path, values, { mmproj, signal, onBatch: app.onBatch });
    requirePrompt(options, embedder.info);
  } catch (error) {
    await close();
    if (signal.aborted) process.exit(0);
    throw error;
  }
  loaded(embedder);
  await loading;
  log(describe(embedder, performance.now() - started));
  logNodeAdvice({ ...values, backend: embedder.info.backend });
  for (const { url } of servers) log(`listening on ${url}`);
  if (servers[0].port > 0) log(`try: ${curl(servers[0].url + values.apiPrefix.replace(/\/+$/, ''), embedder)}`);
  await drainServers(app, servers, values, await stopped);
  await close();
  await embedder.dispose();
  process.exit(0);
}

function describe({ info }: Embedder, milliseconds: number): string {
  const { name, architecture, ftype, pooling, nEmbdOut, nEmbdToken, outputs, nCtx } = info;
  const { backend, backendDescription, precision, threads, vision } = info;
  const cores = availableParallelism();
  const vectors = outputs.includes('dense')
    ? `pooling ${pooling}, ${nEmbdOut} dimensions`
    : `a vector of ${nEmbdToken} dimensions for each token`;
  return [
    `model loaded in ${(milliseconds / 1000).toFixed(2)} s: ${name} (${architecture}, ${ftype})`,
    `${vectors}, context ${nCtx} tokens`,
    `backend ${backend} (${backendDescription}), precision ${precision}`,
    ...(backend === 'wasm' && threads < cores
      ? [`computes on ${threads} of ${cores} cores; --threads takes more`]
      : []),
    ...(vision === undefined ? [] : [`images by ${vision.projector}, media pooling ${vision.mediaPooling}`]),
  ].join('\n');
}

function curl(url: string, { info }: Embedder): string {
  const [path, body] =
    info.pooling === 'rank'
      ? ['/v1/rerank', '{"query":"What is a panda?","documents":["It is a bear.","Hello"]}']
      : info.outputs.includes('dense')
        ? [info.pooling === 'none' ? '/embeddings' : '/v1/embeddings', '{"input":"Hello, world"}']
        : ['/v1/embeddings', `{"input":"Hello, world","output":${JSON.stringify(info.outputs)},"prompt_name":"query"}`];
  return `curl ${url}${path} -H 'Content-Type: application/json' -d '${body}'`;
}
