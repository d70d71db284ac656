/**
 * @file What GET /metrics answers, of a server of one model and of one of several.
 */
import { Embedder } from '../../src/engine/index.ts';
import { createApp, createRouter } from '../../src/server/index.ts';
import { fixture } from '../server/http-fixture.ts';
import { servedModel } from '../server/served-model.ts';

const options = { backend: 'reference', worker: false } as const;

/** Both answers, after a request. */
export async function metricsText(): Promise<string> {
  const load = () => Embedder.load(fixture('models/bert-mean.gguf'), options);
  const one = await load();
  const model = servedModel('a-model', load);
  const limits = { maxModels: 0, maxModelBytes: 0, sleepAfter: 0 };
  const router = createRouter([model], { ...limits, autoload: true, metrics: true });
  const texts: string[] = [];
  for (const app of [createApp(one, { metrics: true }), router]) {
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"input":"a"}' };
    await app.fetch(new Request('http://localhost/embeddings', init));
    texts.push(await (await app.fetch(new Request('http://localhost/metrics'))).text());
  }
  await router.close();
  await one.dispose();
  return texts.join('');
}

/** The metrics that a query of Prometheus names. */
export function metricsIn(query: string): readonly string[] {
  return query.match(/\b(?:gguf_embed_|llamacpp:)\w+/g) ?? [];
}
