/**
 * @file The site of the documentation: every page of `docs`, the API, pictures, and nothing from other hosts. In CI only, since its tools
 * take 150 MB.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';

const wanted = process.env.CI === 'true';
if (!wanted) console.warn('the test of the documentation site is skipped: it runs with CI=true');

it('lists every page in the sidebar, once', () => {
  const listed = Object.values<string[]>(JSON.parse(readFileSync('docs/sidebar.json', 'utf8'))).flat();
  const pages = readdirSync('docs').filter((name) => name.endsWith('.md'));
  expect(listed.sort()).toEqual(['index', ...pages.map((name) => name.slice(0, -3))].sort());
});

describe.skipIf(!wanted)('the site', () => {
  let files: string[] = [];
  const read = (path: string) => readFileSync(`build/site/${path}`, 'utf8');
  beforeAll(async () => {
    await promisify(execFile)(process.execPath, ['scripts/docs-site.mjs'], { maxBuffer: 1 << 26 });
    files = readdirSync('build/site', { recursive: true, encoding: 'utf8' });
  }, 300_000);

  it('has a page for each page of docs, the README and the API', () => {
    const names = readdirSync('docs').filter((name) => name.endsWith('.md'));
    for (const name of ['index.md', ...names]) expect(files).toContain(name.replace(/md$/, 'html'));
    for (const name of [
      'index',
      'classes/Embedder',
      'classes/Reranker',
      'interfaces/LoadOptions',
      'functions/loadTokenizer',
    ])
      expect(files).toContain(`api/${name}.html`);
    expect(read('api/classes/Embedder.html')).toContain('dispose');
    expect(read('ladder.html')).toContain("script-src 'sha256-");
    expect(read('page.html')).toMatch(/<iframe src="\/demo\/index\.html" title="[^"]{10,}"/);
    expect(files).toEqual(expect.arrayContaining(['demo/index.html', 'demo/page/main.js', 'demo/offline/main.js']));
    expect(read('cli.html')).toContain('--reproducible');
    expect(files.filter((name) => /trace-dark.*\.png$/.test(name))).toHaveLength(1);
  });

  it('loads nothing from other hosts', () => {
    for (const name of files.filter((path) => path.endsWith('.html'))) {
      const loaded = read(name).matchAll(/<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)="([^"]*)"/g);
      for (const [, target] of loaded) expect(target, name).not.toMatch(/^(https?:)?\/\//);
    }
    for (const name of files.filter((path) => path.endsWith('.css'))) {
      expect(read(name).match(/(url\(|@import )["']?(https?:)?\/\/[^)]*/g), name).toBeNull();
    }
  });

  it('links to no page that is missing', () => {
    for (const name of files.filter((path) => path.endsWith('.html'))) {
      for (const [, target] of read(name).matchAll(/<a\b[^>]*\bhref="(\/[^"#]*)/g)) {
        const path = target === '/' ? 'index.html' : target.slice(1).replace(/\/$/, '/index.html');
        expect(
          [path, `${path}.html`].some((file) => files.includes(file)),
          `${name}: ${target}`,
        ).toBe(true);
      }
    }
  });
});
