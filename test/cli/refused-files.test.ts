/**
 * @file Files and addresses that a command cannot use: refused in one line that names them, before anything waits for them.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { fixture } from '../server/http-fixture.ts';
import { finished, listening, main, model, run, start } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'refused-'));
const children: ReturnType<typeof start>[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

/** How a run ends that must not last. */
async function ended(args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  const child = start(args);
  children.push(child);
  child.stdin.end();
  const timeout = new Promise<never>((_, reject) => setTimeout(() => reject(new Error('still running')), 10_000));
  return Promise.race([finished(child), timeout]);
}

describe('key and certificate', () => {
  const certFile = fileURLToPath(fixture('tls/cert.pem'));
  const keyFile = fileURLToPath(fixture('tls/key.pem'));
  const pem = (type: string, { privateKey }: KeyPairKeyObjectResult) =>
    file(`${type}.pem`, String(privateKey.export({ type: 'pkcs8', format: 'pem' })));
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const encrypted = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' });
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' });
  const cert = readFileSync(certFile, 'utf8');
  const broken = cert.replace(/^([A-Za-z0-9+/]{20})/m, 'AAAA$1');

  it.each([
    ['an RSA key', pem('rsa', generateKeyPairSync('rsa', { modulusLength: 2048 })), certFile, 'key'],
    ['an elliptic key', pem('ec', generateKeyPairSync('ec', { namedCurve: 'P-256' })), certFile, 'key'],
    ['an Ed25519 key', pem('ed25519', generateKeyPairSync('ed25519')), certFile, 'key'],
    ['a key that is encrypted', file('encrypted.pem', String(encrypted)), certFile, 'key'],
    ['a public key', file('public.pem', String(publicKey)), certFile, 'key'],
    ['no key at all', file('text.pem', 'no key'), certFile, 'key'],
    ['an empty key file', file('empty.pem', ''), certFile, 'key'],
    ['the two exchanged', certFile, keyFile, 'key'],
    ['a key for a certificate', keyFile, keyFile, 'cert'],
    ['a broken certificate', keyFile, file('broken.pem', broken), 'cert'],
    ['a chain with a broken end', keyFile, file('chain.pem', cert + broken), 'cert'],
    ['no certificate at all', keyFile, file('text2.pem', 'none'), 'cert'],
    ['a missing key', join(folder, 'absent'), certFile, 'key'],
    ['a folder as certificate', keyFile, folder, 'cert'],
  ])('%s', async (_, key, certificate, wrong) => {
    const flags = ['--ssl-key-file', key, '--ssl-cert-file', certificate];
    const { code, stderr } = await ended(['serve', '-m', model('bert-mean'), '--port', '0', ...flags]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(stderr).toContain(`--ssl-${wrong}-file`);
    expect(stderr).toContain(wrong === 'key' ? key : certificate);
  });
});

describe('addresses', () => {
  it.each(['', ' ', ',', '127.0.0.1,', ',127.0.0.1', '[]'])('--host %j', async (host) => {
    const { code, stderr } = await ended(['serve', '-m', model('bert-mean'), '--port', '0', '--host', host]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: --host .*empty[^\n]+\n$/);
  });

  it('an --api-key without a key does not open the server', async () => {
    const { code, stderr } = await ended(['serve', '-m', model('bert-mean'), '--port', '0', '--api-key', '']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: --api-key is empty[^\n]+\n$/);
  });

  it.each(['[::1]', '::1'])('--host %s is an address of IPv6', async (host) => {
    const child = start(['serve', '-m', model('bert-mean'), '-t', '1', '--port', '0', '--host', host]);
    children.push(child);
    const { url } = await listening(child);
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });
});

describe('files of another kind', () => {
  const bytes = (...values: number[]) => Uint8Array.from([...values, ...new Array(600).fill(1)]);
  const other = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const header = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
  const pointer = other('pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n');
  const page = other('page', '<!DOCTYPE html><html><body>401</body></html>');
  const nothing = other('nothing', '');
  const binaries: readonly [string, RegExp][] = [
    [other('pickle', bytes(0x80, 2, 0x8a, 0x0a)), /it is a pickle/],
    [
      other('tensors', Buffer.concat([Uint8Array.of(header.length, 0, 0, 0, 0, 0, 0, 0), Buffer.from(header)])),
      /it is a safetensors file/,
    ],
    [other('zip', bytes(0x50, 0x4b, 3, 4)), /it is a zip archive/],
  ];
  const everywhere: readonly [string, RegExp][] = [
    [pointer, /it is a Git LFS pointer.*git lfs pull/],
    [page, /it is a web page/],
    [nothing, /is empty/],
    ...binaries,
  ];
  const serve = (...args: string[]) => ['serve', '-m', model('bert-mean'), '--port', '0', ...args];
  const tls = (flag: string, path: string) =>
    serve(
      ...['--ssl-key-file', flag === 'key' ? path : fileURLToPath(fixture('tls/key.pem'))],
      ...['--ssl-cert-file', flag === 'cert' ? path : fileURLToPath(fixture('tls/cert.pem'))],
    );

  const places: readonly [string, (path: string) => readonly string[], readonly [string, RegExp][]][] = [
    ['a model to embed with', (path) => ['embed', '-m', path, '-p', 'a'], everywhere],
    ['a model to serve', (path) => ['serve', '-m', path, '--port', '0'], everywhere],
    ['a model to rank with', (path) => ['rerank', '-m', path, '-q', 'a', '-f', pointer], everywhere],
    ['a model to tokenize with', (path) => ['tokenize', '-m', path, '-p', 'a'], everywhere],
    ['a model to look into', (path) => ['inspect', '-m', path], everywhere],
    ['a model to quantize', (path) => ['quantize', path, join(folder, 'out.gguf'), 'q8_0'], everywhere],
    ['keys', (path) => serve('--api-key-file', path), everywhere],
    ['prompts', (path) => serve('--prompts', path), everywhere],
    ['a private key', (path) => tls('key', path), everywhere],
    ['a certificate', (path) => tls('cert', path), everywhere],
    ['a text', (path) => ['embed', '-m', model('bert-mean'), '-f', path], binaries],
    [
      'lines of JSON',
      (path) => ['embed', '-m', model('bert-mean'), '--jsonl', '-f', path],
      binaries.map(([path]) => [path, /line 1 is not text: the input is a /]),
    ],
  ];
  it.each(places)('%s', { timeout: 60_000 }, async (_, args, kinds) => {
    for (const [path, message] of kinds) {
      const { code, stderr } = await ended(args(path));
      expect(code, path).toBe(1);
      expect(stderr, path).toMatch(message);
      expect(stderr, path).toContain(path === nothing || stderr.includes('line 1') ? 'error: ' : path);
    }
  });
});

describe.skipIf(process.platform === 'win32')('pipes', () => {
  const fifo = join(folder, 'pipe');
  spawnSync('mkfifo', [fifo]);
  const text = file('text.txt', 'hello');
  mkdirSync(join(folder, 'checkout'));
  spawnSync('mkfifo', [join(folder, 'checkout', 'config.json')]);

  it.each<[string, readonly string[]]>([
    ['a model to embed with', ['embed', '-m', fifo, '-p', 'a']],
    ['a model to serve', ['serve', '-m', fifo, '--port', '0']],
    ['a model to rank with', ['rerank', '-m', fifo, '-q', 'a', '-f', text]],
    ['a model to tokenize with', ['tokenize', '-m', fifo, '-p', 'a']],
    ['a model to look into', ['inspect', '-m', fifo]],
    ['a model to quantize', ['quantize', fifo, join(folder, 'out.gguf'), 'q8_0']],
    ['a file to quantize into', ['quantize', model('bert-mean'), fifo, 'q8_0']],
    ['a checkout to convert', ['convert', fifo, join(folder, 'out.gguf')]],
    ['a file of a checkout', ['convert', join(folder, 'checkout'), join(folder, 'out.gguf')]],
    ['a text', ['embed', '-m', model('bert-mean'), '-f', fifo]],
    ['texts to rank', ['rerank', '-m', model('bert-rank'), '-q', 'a', '-f', fifo]],
    ['lines of JSON', ['embed', '-m', model('bert-mean'), '--jsonl', '-f', fifo]],
    ['a text to tokenize', ['tokenize', '-m', model('bert-mean'), '-f', fifo]],
    ['keys', ['serve', '-m', model('bert-mean'), '--port', '0', '--api-key-file', fifo]],
    ['prompts', ['serve', '-m', model('bert-mean'), '--port', '0', '--prompts', fifo]],
    [
      'a private key',
      ['serve', '-m', model('bert-mean'), '--port', '0', '--ssl-key-file', fifo, '--ssl-cert-file', text],
    ],
    ['a device', ['embed', '-m', '/dev/zero', '-p', 'a']],
    ['a device with text', ['embed', '-m', model('bert-mean'), '-f', '/dev/zero']],
  ])('%s: refused', async (name, args) => {
    const { code, stderr } = await ended(args);
    expect(code).toBe(1);
    expect(stderr).toMatch(/(^|\n)error: [^\n]+\n$/);
    if (!name.includes('checkout'))
      expect(stderr).toMatch(/is (a|a named) pipe|is not a regular file|not a regular file/);
  });

  it('what a shell opens for a command is read: <(…), a pipe, a redirection', async () => {
    const plain = await run(['tokenize', '--ids', '-m', model('bert-mean'), '-p', 'hello']);
    expect(plain.stdout).toContain('101');
    const tokenize = `"${process.execPath}" "${main}" tokenize --ids`;
    for (const command of [
      `${tokenize} -m "${model('bert-mean')}" -f <(printf hello)`,
      `printf hello | ${tokenize} -m "${model('bert-mean')}" -f /dev/stdin`,
      `${tokenize} -m /dev/fd/3 -p hello 3<"${model('bert-mean')}"`,
    ]) {
      expect((await finished(spawn('bash', ['-c', command]))).stdout, command).toBe(plain.stdout);
    }
  });
});
