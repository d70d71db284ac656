/**
 * @file The command `serve`.
 */
import { setImmediate } from 'node:timers/promises';
import { now } from '../../clock.ts';
import { cpuCount } from '../../engine/cpu-count.ts';
import type { BatchReport, Embedder } from '../../engine/index.ts';
import { requireModel } from '../input/input.ts';
import { log } from '../log.ts';
import { locatePair } from '../model/chosen-projector.ts';
import { loadEmbedder } from '../model/load.ts';
import type { Parsed } from '../options/parse-options.ts';
import { offeredModel } from './default-model.ts';
import type { ModelServer } from './model-server.ts';
import { logNodeAdvice } from './node-advice.ts';
import { requirePrompt } from './serve-files.ts';
import { suitsServingThread } from './serving-thread.ts';
import { stopOnSignal } from './stop-on-signal.ts';
import { keepYoungGenerationSmall } from './young-generation.ts';

/** Serves a model until SIGINT or SIGTERM. Accepted requests are answered first; a second signal ends the program at once. */
export async function serve(parsed: Parsed): Promise<void> {
  if (servesSeveral(parsed)) {
    const { serveSeveral } = await import('./serve-several.ts');
    return serveSeveral(parsed);
  }
  const { values } = parsed;
  const model = (await offeredModel(parsed)) ?? requireModel(parsed);
  const { signal, stopped } = stopOnSignal();

  const started = now();
  let loaded: (embedder: Embedder) => void = () => {};
  const ready = new Promise<Embedder>((resolve) => {
    loaded = resolve;
  });
  let server: ModelServer | undefined;
  const open = async () => {
    // The threads of the model start first: that takes as long as loading the code of the server, which blocks this one.
    await setImmediate();
    const { openModelServer } = await import('./model-server.ts');
    server = await openModelServer(ready, values);
    return server;
  };
  const load = async () => {
    const { path, mmproj } = await locatePair(model, values, signal);
    const onListening = () => log(`loading ${path}${mmproj === undefined ? '' : ` with ${mmproj}`}`);
    void opening.then(onListening, () => {});
    const onBatch = (batch: BatchReport) => server?.onBatch(batch);
    const worker = mmproj === undefined && suitsServingThread(parsed, path) ? false : undefined;
    return loadEmbedder(path, values, { mmproj, worker, signal, onBatch, onProgress: keepYoungGenerationSmall });
  };
  // A download waits until the server listens.
  const loading = model.isLocal ? load() : undefined;
  const opening = open();
  let embedder: Embedder;
  try {
    const [{ options }, result] = await Promise.all([opening, loading ?? opening.then(load)]);
    embedder = result;
    requirePrompt(options, embedder.info);
  } catch (error) {
    await opening.then(
      ({ close }) => close(),
      () => {},
    );
    if (signal.aborted) process.exit(0);
    throw error;
  }
  const { options, servers, drain, close } = await opening;
  loaded(embedder);
  await ready;
  for (const line of describe(embedder, now() - started)) log(line);
  logNodeAdvice({ ...values, backend: embedder.info.backend });
  for (const { url } of servers) log(`listening on ${url}`);
  if (servers[0].port > 0)
    log(`try: ${curl(servers[0].url + values.apiPrefix.replace(/\/+$/, ''), embedder, options.apiKeys)}`);
  await drain(await stopped);
  await close();
  await embedder.dispose();
  process.exit(0);
}

/** Whether the options ask for a server of several models. */
function servesSeveral({ values, given }: Parsed): boolean {
  const { modelsDir, modelsPreset } = values;
  return modelsDir !== undefined || modelsPreset !== undefined || (given.get('model')?.length ?? 0) > 1;
}

function describe({ info }: Embedder, milliseconds: number): string[] {
  const { name, architecture, ftype, pooling, nEmbdOut, nEmbdToken, outputs, nCtx } = info;
  const { backend, backendDescription, precision, threads, vision } = info;
  const cores = cpuCount();
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
  ];
}

/** A command to try the server. A key is named by a variable: command lines are visible to all users of a machine. */
function curl(url: string, { info }: Embedder, apiKeys: readonly string[] = []): string {
  const [path, body] =
    info.pooling === 'rank'
      ? ['/v1/rerank', '{"query":"What is a panda?","documents":["It is a bear.","Hello"]}']
      : info.outputs.includes('dense')
        ? [info.pooling === 'none' ? '/embeddings' : '/v1/embeddings', '{"input":"Hello, world"}']
        : ['/v1/embeddings', `{"input":"Hello, world","output":${JSON.stringify(info.outputs)},"prompt_name":"query"}`];
  const key = apiKeys.length > 0 ? ' -H "Authorization: Bearer $LLAMA_API_KEY"' : '';
  return `curl ${url}${path}${key} -H 'Content-Type: application/json' -d '${body}'`;
}
