/**
 * @file A route of a Hono application that compares two texts. The model runs in the application's own process.
 *
 *   node hono-route.mjs MODEL.gguf 3000
 *   curl 'http://127.0.0.1:3000/similarity?a=a+dog&b=a+puppy'
 */
import { serve } from '@hono/node-server';
import { Embedder, InputError } from 'gguf-embed';
import { Hono } from 'hono';

const [model, port = '3000'] = process.argv.slice(2);
if (model === undefined) {
  console.error('usage: node hono-route.mjs MODEL.gguf [PORT]');
  process.exit(1);
}

const embedder = await Embedder.load(model);
const app = new Hono();

app.get('/similarity', async (c) => {
  const { a, b } = c.req.query();
  if (!a || !b) return c.json({ error: 'the query needs a and b' }, 400);
  // A client that leaves ends its computation.
  const { vectors } = await embedder.embed([a, b], { signal: c.req.raw.signal });
  return c.json({ similarity: vectors[0].reduce((sum, value, i) => sum + value * vectors[1][i], 0) });
});

app.onError((error, c) => {
  if (error instanceof InputError) return c.json({ error: error.message }, 400);
  console.error(error);
  return c.json({ error: 'the text could not be embedded' }, 500);
});

const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(port) }, (address) =>
  console.log(`listening on http://127.0.0.1:${address.port}`),
);
process.once('SIGTERM', () => server.close(() => embedder.dispose()));
