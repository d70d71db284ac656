/**
 * @file The server of one model. A module of its own, so that the threads of the model start before the code of the server is loaded.
 */
import type { BatchReport, Embedder } from '../../engine/index.ts';
import { type AppOptions, createApp } from '../../server/index.ts';
import { LargeRequests } from '../../server/large/large-requests.node.ts';
import type { Listening } from '../../server/sockets/listen.node.ts';
import type { OptionValues } from '../options/option-table.ts';
import { appOptions, drainServers, listenEverywhere } from './serve-setup.ts';
import type { StopSignal } from './stop-on-signal.ts';

/** A server that listens. */
export interface ModelServer {
  readonly options: AppOptions;
  readonly servers: readonly Listening[];
  readonly onBatch: (batch: BatchReport) => void;
  /** Prepares to stop after a signal. */
  drain(signal: StopSignal): Promise<void>;
  /** Stops when accepted requests are answered. */
  close(): Promise<unknown>;
}

/**
 * Listens, and answers that the model is loading until it is.
 * @throws UsageError for an option that is wrong, Error if it cannot listen
 */
export async function openModelServer(model: Promise<Embedder>, values: OptionValues): Promise<ModelServer> {
  const options = await appOptions(values);
  const app = createApp(model, { ...options, large: new LargeRequests() });
  const servers = await listenEverywhere(app, values);
  return {
    options,
    servers,
    onBatch: app.onBatch,
    drain: (signal) => drainServers(app, servers, values, signal),
    close: () => Promise.all(servers.map((server) => server.close())),
  };
}
