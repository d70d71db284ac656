/**
 * @file The command `serve`.
 */
import type { Embedder } from '../engine/index.ts';
import { type AnsweredRequest, type App, type AppOptions, createApp } from '../server/index.ts';
import { LargeRequests } from '../server/large/large-requests.node.ts';
import { type Listening, listen } from '../server/sockets/listen.node.ts';
import { locatePair } from './chosen-projector.ts';
import { offeredModel } from './default-model.ts';
import { requireModel } from './input.ts';
import { loadEmbedder } from './load.ts';
import { log } from './log.ts';
import type { OptionValues } from './option-table.ts';
import type { Parsed } from './parse-options.ts';
import { readApiKeys, readPromptsFile, requirePrompt } from './serve-files.ts';
import { readTls } from './tls-files.ts';
import { UsageError } from './usage-error.ts';

/** Serves a model until SIGINT or SIGTERM. Accepted requests are answered first; a second signal ends the program at once. */
export async function serve(parsed: Parsed): Promise<void> {
  const { values } = parsed;
  const model = (await offeredModel(parsed)) ?? requireModel(parsed);
  const stop = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const onSignal = () => {
    if (stop.signal.aborted) {
      log('second signal: stopping at once');
      process.exit(1);
    }
    log('stopping: answering accepted requests');
    stop.abort(new Error('stopped while the model was loading'));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);

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
    const { path, mmproj } = await locatePair(model, values, stop.signal);
    log(`loading ${path}${mmproj === undefined ? '' : ` with ${mmproj}`}`);
    embedder = await loadEmbedder(path, values, { mmproj, signal: stop.signal, onBatch: app.onBatch });
    requirePrompt(options, embedder.info.prompts);
  } catch (error) {
    await close();
    if (stop.signal.aborted) process.exit(0);
    throw error;
  }
  loaded(embedder);
  await loading;
  log(describe(embedder, performance.now() - started));
  for (const { url } of servers) log(`listening on ${url}`);
  if (servers[0].port > 0) log(`try: ${curl(servers[0].url + values.apiPrefix.replace(/\/+$/, ''), embedder)}`);
  await stopped;
  await close();
  await embedder.dispose();
  process.exit(0);
}

async function appOptions(values: OptionValues): Promise<AppOptions> {
  return {
    ...(await readPromptsFile(values)),
    aliases: values.alias,
    tags: values.tags,
    normalize: values.embdNormalize,
    rankScores: values.rankScores,
    mediaMarker: process.env.LLAMA_MEDIA_MARKER || undefined,
    imageUrls: values.allowImageUrls,
    bodyLimit: values.bodyLimit * 2 ** 20,
    maxQueue: values.maxQueue,
    cacheSize: values.cacheSize,
    cacheBytes: values.cacheMemory * 2 ** 20,
    prefix: values.apiPrefix,
    apiKeys: await readApiKeys(values),
    cors: {
      origins: values.corsOrigins,
      methods: values.corsMethods,
      headers: values.corsHeaders,
      credentials: values.corsCredentials,
    },
    slots: values.slots,
    nSlots: values.parallel < 1 ? undefined : values.parallel,
    props: values.props,
    seed: values.seed,
    metrics: values.metrics,
    onWarning: log,
    onRequest: values.verbose ? logRequest : undefined,
    onError: (error) =>
      log(`error: ${error instanceof Error ? (values.verbose ? error.stack : error.message) : String(error)}`),
  };
}

/** Logs one line for a request, without its content. */
function logRequest({ client = '-', method, route, status, nTokens, milliseconds }: AnsweredRequest): void {
  const time = new Date().toISOString();
  log(`${time} ${client} ${method} ${route} ${status} ${nTokens} tokens ${milliseconds.toFixed(1)} ms`);
}

/** Listens on all addresses, or on none if one of them fails. */
async function listenEverywhere(app: App, values: OptionValues): Promise<Listening[]> {
  const hosts = values.host.split(',').map((host) => host.trim());
  if (hosts.some((host) => host === '' || host === '[]')) {
    throw new UsageError(
      '--host has an empty address (an unset variable?); use 0.0.0.0 or :: for all addresses of this machine',
    );
  }
  if (hosts.length > 1 && values.port === 0) throw new UsageError('--port 0 needs a single --host');
  const options = {
    port: values.port,
    tls: await readTls(values),
    timeout: values.timeout,
    maxConnections: values.maxConnections,
    onError: (error: Error) => log(`error: ${error.message}`),
  };
  const servers: Listening[] = [];
  try {
    for (const host of hosts) servers.push(await listen(app, { ...options, host }));
  } catch (error) {
    await Promise.all(servers.map((server) => server.close()));
    throw error;
  }
  return servers;
}

function describe({ info }: Embedder, milliseconds: number): string {
  const { name, architecture, ftype, pooling, nEmbdOut, nCtx, backend, backendDescription, precision, vision } = info;
  return [
    `model loaded in ${(milliseconds / 1000).toFixed(2)} s: ${name} (${architecture}, ${ftype})`,
    `pooling ${pooling}, ${nEmbdOut} dimensions, context ${nCtx} tokens`,
    `backend ${backend} (${backendDescription}), precision ${precision}`,
    ...(vision === undefined ? [] : [`images by ${vision.projector}, media pooling ${vision.mediaPooling}`]),
  ].join('\n');
}

function curl(url: string, { info }: Embedder): string {
  const [path, body] =
    info.pooling === 'rank'
      ? ['/v1/rerank', '{"query":"What is a panda?","documents":["It is a bear.","Hello"]}']
      : [info.pooling === 'none' ? '/embeddings' : '/v1/embeddings', '{"input":"Hello, world"}'];
  return `curl ${url}${path} -H 'Content-Type: application/json' -d '${body}'`;
}
