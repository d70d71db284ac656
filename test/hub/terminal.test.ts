/**
 * @file What commands show and ask on a terminal alone: the progress of a download, and which model to serve. Needs the
 * command `script` of util-linux, which gives a program a terminal.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { model as fixture, main } from '../cli/run.ts';
import { temporaryFolder } from '../cli/temporary.ts';
import { randomBytes } from './random-bytes.ts';
import { startHub } from './server.ts';

const hub = await startHub();
const temporary = temporaryFolder();
const hasTerminal = /util-linux/.test(spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '');
if (!hasTerminal) console.warn('tests of terminals are skipped: there is no command script of util-linux');

let runs = 0;
let env: Record<string, string> = {};

beforeEach(() => {
  hub.reset();
  env = { PATH: process.env.PATH ?? '', HOME: temporary.file(`home-${runs++}`), HF_ENDPOINT: hub.endpoint };
});

/** Starts the program on a terminal. */
function onTerminal(...args: string[]) {
  const command = [process.execPath, main, ...args].map((arg) => `'${arg}'`).join(' ');
  const child = spawn('script', ['-qec', `exec ${command}`, '/dev/null'], { env });
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    shown += text;
  });
  const closed = once(child, 'close');
  return {
    type: (text: string) => child.stdin.write(text),
    /** Waits until the terminal shows it. */
    async shows(pattern: RegExp): Promise<void> {
      while (!pattern.test(shown)) {
        if (child.exitCode !== null) throw new Error(`the program ended: ${shown}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    /** Waits for the end. */
    async end(): Promise<{ code: number; shown: string }> {
      const [code] = await closed;
      return { code, shown };
    },
  };
}

describe.skipIf(!hasTerminal)('on a terminal', () => {
  const REPO = 'someone/tiny-GGUF';

  it('pull shows a bar, the rate and the time left, and leaves no line of it', async () => {
    hub.add(REPO, { 'large-Q8_0.gguf': randomBytes(24 * 2 ** 20, 7) });
    hub.behaviour.pause = 10;
    const { code, shown } = await onTerminal('pull', REPO).end();
    expect(code, shown).toBe(0);
    const lines = shown.match(/\d+ % \[#*\.*\] of 25\.2 MB, [\d.]+ [kM]B\/s, 0:\d\d left/g) ?? [];
    expect(lines.length).toBeGreaterThan(3);
    const shares = lines.map((line) => Number.parseInt(line, 10));
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares.at(-1)).toBeGreaterThan(shares[0]);
    expect(shown).toContain(`\r\x1b[K${REPO} is in the cache`);
  });

  it('pull shows bytes and the rate of a file whose length nobody says', async () => {
    const bytes = randomBytes(8 * 2 ** 20, 8);
    hub.behaviour.intercept = (_, __, response) => {
      response.writeHead(200);
      for (let i = 0; i < 8; i++) {
        setTimeout(() => response.write(bytes.subarray(i * 2 ** 20, (i + 1) * 2 ** 20)), i * 200);
      }
      setTimeout(() => response.end(), 1600);
      return true;
    };
    const { code, shown } = await onTerminal('pull', `${hub.filesOrigin}/large.gguf`).end();
    expect(code, shown).toBe(0);
    expect(shown).toMatch(/\[K\d\.\d MB, [\d.]+ [kM]B\/s/);
    expect(shown).not.toContain('%');
  });

  it('serve without a model asks, and serves the default one when the answer is yes', async () => {
    const small = readFileSync(fixture('bert-mean'));
    hub.add('ggml-org/bge-small-en-v1.5-Q8_0-GGUF', { 'bge-small-en-v1.5-q8_0.gguf': small });
    const terminal = onTerminal('serve', '--port', '0', '-t', '1');
    await terminal.shows(/Serve bge-small-en-v1\.5 .* from ggml-org\/bge-small-en-v1\.5-Q8_0-GGUF\? \[Y\/n\] /);
    expect(hub.seen).toEqual([]);
    terminal.type('\r');
    await terminal.shows(/http:\/\/127\.0\.0\.1:\d+/);
    terminal.type('\x03');
    expect((await terminal.end()).code).toBe(0);
  });

  it('serve names the command when the answer is no', async () => {
    const terminal = onTerminal('serve', '--port', '0');
    await terminal.shows(/\[Y\/n\] /);
    terminal.type('n\r');
    const { code, shown } = await terminal.end();
    expect(code).toBe(1);
    expect(shown).toContain('gguf-embed serve -hf ggml-org/bge-small-en-v1.5-Q8_0-GGUF');
    expect(hub.seen).toEqual([]);
  });
});
