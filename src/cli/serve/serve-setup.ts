/**
 * @file The setup that `serve` needs for one model or several: the options of the server, its sockets, and how it drains.
 */
import { setTimeout } from 'node:timers/promises';
import type { AnsweredRequest, App, AppOptions } from '../../server/index.ts';
import { type Listening, listen } from '../../server/sockets/listen.node.ts';
import { log, logLines } from '../log.ts';
import { logIfSet } from '../options/option-effects.ts';
import type { OptionValues } from '../options/option-table.ts';
import { pageFiles } from '../page-files.ts';
import { UsageError } from '../usage-error.ts';
import { apiDocsFiles } from './api-docs-files.ts';
import { passedSockets } from './passed-sockets.ts';
import { readApiKeys, readPromptsFile } from './serve-files.ts';
import type { StopSignal } from './stop-on-signal.ts';
import { readTls } from './tls-files.ts';

/**
 * After SIGTERM, answers on for `--drain-seconds` but tells balancers that the server is about to stop. SIGINT comes from a person, who
 * should not wait.
 */
export async function drainServers(
  app: Pick<App, 'drain'>,
  servers: readonly Listening[],
  { drainSeconds }: OptionValues,
  signal: StopSignal,
): Promise<void> {
  if (drainSeconds > 0 && signal === 'SIGTERM') {
    log(`draining: /health answers 503 for ${drainSeconds} s`);
    app.drain();
    for (const server of servers) server.drain();
    await setTimeout(drainSeconds * 1000);
  }
  log('stopping: answering accepted requests');
}

/** A host of `--allow-image-urls` as it is in URLs: in lower case, in ASCII, without the default port. */
function readHost(text: string): string {
  const url = /^[^/\\?#@*\s]+$/.test(text) && URL.canParse(`https://${text}`) ? new URL(`https://${text}`) : undefined;
  if (url !== undefined) return url.host;
  throw new UsageError(`--allow-image-urls takes hosts, such as example.com or example.com:8443, not "${text}"`);
}

/** The options of the server that the command line gives. */
export async function appOptions(values: OptionValues): Promise<AppOptions> {
  return {
    ...(await readPromptsFile(values)),
    aliases: values.alias,
    tags: values.tags,
    normalize: values.embdNormalize,
    rankScores: values.rankScores,
    mediaMarker: process.env.LLAMA_MEDIA_MARKER || undefined,
    imageUrls: values.allowImageUrls?.map(readHost),
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
    ui: values.ui,
    page: values.ui ? pageFiles() : undefined,
    apiDocs: values.ui ? apiDocsFiles() : undefined,
    onWarning: log,
    onRequest: values.verbose ? logRequest : undefined,
    onError(error) {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      if (values.verbose) logLines(`error: ${stack ?? message}`);
      else log(`error: ${message}`);
    },
  };
}

/** Logs one line for a request, without its content. */
function logRequest({ client = '-', method, route, status, nTokens, milliseconds }: AnsweredRequest): void {
  const time = new Date().toISOString();
  log(`${time} ${client} ${method} ${route} ${status} ${nTokens} tokens ${milliseconds.toFixed(1)} ms`);
}

/** Listens on the sockets that the service manager passes, else on all addresses; on none if one of them fails. */
export async function listenEverywhere(app: Pick<App, 'handle'>, values: OptionValues): Promise<Listening[]> {
  const fds = passedSockets(process.env, process.pid);
  const hosts = values.host.split(',').map((host) => host.trim());
  if (hosts.some((host) => host === '' || host === '[]')) {
    throw new UsageError(
      '--host has an empty address (an unset variable?); use 0.0.0.0 or :: for all addresses of this machine',
    );
  }
  if (hosts.length > 1 && values.port === 0) throw new UsageError('--port 0 needs a single --host');
  if (hosts.every((host) => host.endsWith('.sock'))) logIfSet(values, 'port', '--host names a UNIX socket');
  const options = {
    port: values.port,
    tls: await readTls(values),
    timeout: values.timeout,
    maxConnections: values.maxConnections,
    onError: (error: Error) => log(`error: ${error.message}`),
  };
  const servers: Listening[] = [];
  try {
    const places = fds.length > 0 ? fds.map((fd) => ({ host: '', fd })) : hosts.map((host) => ({ host }));
    for (const place of places) servers.push(await listen(app, { ...options, ...place }));
  } catch (error) {
    await Promise.all(servers.map((server) => server.close()));
    throw error;
  }
  return servers;
}
