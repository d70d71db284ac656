/**
 * @file The alert rules in deploy name metrics that the server has.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { Embedder } from '../../src/engine/index.ts';
import { createApp } from '../../src/server/index.ts';
import { fixture } from './http-fixture.ts';

const file = fileURLToPath(new URL('../../deploy/prometheus/alerts.yaml', import.meta.url));
interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
}

it('every metric in the alert rules is one that /metrics has', async () => {
  const embedder = await Embedder.load(fixture('models/bert-mean.gguf'), { backend: 'reference', worker: false });
  const app = createApp(embedder, { metrics: true });
  const headers = { 'Content-Type': 'application/json' };
  await app.fetch(new Request('http://localhost/embeddings', { method: 'POST', headers, body: '{"input":"a"}' }));
  const text = await (await app.fetch(new Request('http://localhost/metrics'))).text();
  await embedder.dispose();
  const { groups } = parse(readFileSync(file, 'utf8')) as Rules;
  const rules = groups.flatMap(({ rules }) => rules);
  const names = rules.flatMap(({ expr }) => expr.match(/\b(?:gguf_embed_|llamacpp:)\w+/g) ?? []);
  expect(names.length).toBeGreaterThanOrEqual(rules.length - 1);
  for (const name of names) expect(text).toMatch(new RegExp(`^${name}[ {]`, 'm'));
});

it('promtool accepts the rules', () => {
  try {
    execFileSync('promtool', ['--version']);
  } catch {
    console.warn('SKIPPED: promtool check rules: promtool is not installed');
    return;
  }
  execFileSync('promtool', ['check', 'rules', file]);
});
