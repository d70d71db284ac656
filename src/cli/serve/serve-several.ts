/**
 * @file The command `serve` with several models.
 */
import { createRouter, type Router } from '../../server/index.ts';
import { LargeRequests } from '../../server/large/large-requests.node.ts';
import { log } from '../log.ts';
import type { Parsed } from '../options/parse-options.ts';
import { UsageError } from '../usage-error.ts';
import { logNodeAdvice } from './node-advice.ts';
import { appOptions, drainServers, listenEverywhere } from './serve-setup.ts';
import { servedModels } from './served-models/served-models.ts';
import { stopOnSignal } from './stop-on-signal.ts';

/** Serves several models until SIGINT or SIGTERM, each loaded on first use. */
export async function serveSeveral(parsed: Parsed): Promise<void> {
  const { values, positionals } = parsed;
  if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}"`);
  const { models, store } = await servedModels(parsed);
  const nAtStart = models.filter(({ loadOnStartup }) => loadOnStartup).length;
  if (values.modelsMax > 0 && nAtStart > values.modelsMax) {
    throw new UsageError(`number of models to load on startup (${nAtStart}) exceeds models_max (${values.modelsMax})`);
  }
  const { stopped } = stopOnSignal();
  const { aliases: _, tags: __, ...options } = await appOptions(values);
  let router: Router;
  try {
    router = createRouter(models, {
      ...options,
      maxModels: values.modelsMax,
      maxModelBytes: values.modelsMemory * 2 ** 20,
      sleepAfter: Math.max(0, values.sleepIdleSeconds),
      autoload: values.modelsAutoload,
      createLarge: () => new LargeRequests(),
      store,
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const servers = await listenEverywhere(router, values);
  log(`models: ${models.map(({ id }) => id).join(', ')}`);
  logNodeAdvice(values);
  for (const { url } of servers) log(`listening on ${url}`);
  void router.loadAtStart();
  await drainServers(router, servers, values, await stopped);
  router.endEvents();
  await Promise.all(servers.map((server) => server.close()));
  await router.close();
  process.exit(0);
}
