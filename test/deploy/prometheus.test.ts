/**
 * @file The alert rules, the dashboard and the rules of the adapter name metrics and labels that the server has, in queries that
 * Prometheus reads.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { metricsIn, metricsText } from './metrics-text.ts';

const path = (name: string) => fileURLToPath(new URL(`../../deploy/${name}`, import.meta.url));
interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
}
interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: { query: string } }[] };
}
interface AdapterRules {
  readonly rules: readonly { readonly seriesQuery: string; readonly metricsQuery: string }[];
}

const alerts = (parse(readFileSync(path('prometheus/alerts.yaml'), 'utf8')) as Rules).groups.flatMap(
  ({ rules }) => rules,
);
const { panels, templating } = JSON.parse(readFileSync(path('grafana/dashboard.json'), 'utf8')) as Dashboard;
const targets = panels.flatMap(({ targets }) => targets);
const adapter = parse(readFileSync(path('prometheus/adapter.yaml'), 'utf8')) as AdapterRules;

const folder = mkdtempSync(join(tmpdir(), 'gguf-embed-rules-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('with the answer of /metrics', () => {
  let text: string;
  /** Labels that Prometheus adds. */
  const labels = new Set(['instance', 'job', 'namespace', 'pod']);
  beforeAll(async () => {
    text = await metricsText();
    for (const [, label] of text.matchAll(/[{,](\w+)="/g)) labels.add(label);
  });
  const requireNames = (query: string) => {
    for (const name of metricsIn(query)) expect(text).toMatch(new RegExp(`^${name}[ {]`, 'm'));
    for (const [, by] of query.matchAll(/\bby \(([\w, ]+)\)/g)) {
      for (const label of by.split(/, */)) expect(labels).toContain(label);
    }
    for (const [, label] of query.matchAll(/[{,](\w+)(?:=|!=|=~)"/g)) expect(labels).toContain(label);
  };

  it.each(alerts.map(({ alert, expr }) => [alert, expr]))('%s: the metrics and labels are there', (_, expr) => {
    expect(metricsIn(expr).length > 0 || expr.startsWith('up{')).toBe(true);
    requireNames(expr);
  });

  it.each(panels.map(({ title, targets }) => [title, targets] as const))('%s: the metrics are there', (_, targets) => {
    expect(targets.length).toBeGreaterThan(0);
    for (const { expr, legendFormat } of targets) {
      expect(metricsIn(expr).length).toBeGreaterThan(0);
      requireNames(expr);
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(labels).toContain(label);
    }
  });

  it('the choice of servers and the adapter name a metric', () => {
    const queries = [
      templating.list.find(({ name }) => name === 'instance')!.query.query,
      ...adapter.rules.map(({ seriesQuery }) => seriesQuery),
    ];
    for (const query of queries) {
      expect(metricsIn(query)).toHaveLength(1);
      requireNames(query);
    }
  });
});

it('no panel covers another, and each has a number of its own', () => {
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBeLessThanOrEqual(24);
});

it('promtool accepts the alert rules, and the queries of the dashboard, the adapter and KEDA', () => {
  try {
    execFileSync('promtool', ['--version']);
  } catch (error) {
    if (process.env.GGUF_EMBED_REQUIRE_PROMTOOL === '1') throw error;
    console.warn('SKIPPED: promtool check rules: promtool is not installed');
    return;
  }
  execFileSync('promtool', ['check', 'rules', path('prometheus/alerts.yaml')]);
  const variables = { $__rate_interval: '5m', $instance: '.*' };
  const template = { Series: 'gguf_embed_queue_inputs', LabelMatchers: 'pod="a"', GroupBy: 'pod' };
  const queries = targets.map(({ expr }) =>
    Object.entries(variables).reduce((query, [name, value]) => query.replaceAll(name, value), expr),
  );
  for (const { metricsQuery } of adapter.rules) {
    queries.push(metricsQuery.replaceAll(/<<\.(\w+)>>/g, (_, name) => template[name as keyof typeof template]));
  }
  const scaled = parse(readFileSync(path('kubernetes-keda/scaled-object.yaml'), 'utf8'));
  queries.push(scaled.spec.triggers[0].metadata.query);
  const rules = queries.map((expr, i) => ({ record: `query_${i}`, expr }));
  const file = join(folder, 'queries.yaml');
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'queries', rules }] }));
  execFileSync('promtool', ['check', 'rules', file]);
});
