/**
 * @file Keys and certificates of `serve`: those that no client could use are refused or named, and no message has a key.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { OptionValues } from '../../src/cli/options/option-table.ts';
import { readApiKeys } from '../../src/cli/serve/serve-files.ts';
import { readTls } from '../../src/cli/serve/tls-files.ts';
import { UsageError } from '../../src/cli/usage-error.ts';
import { listening, model, start } from './run.ts';
import { temporaryFolder } from './temporary.ts';

const folder = temporaryFolder();
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));

afterEach(() => vi.restoreAllMocks());

describe('certificates', () => {
  const pair = (sslKeyFile: string, sslCertFile: string) => readTls({ sslKeyFile, sslCertFile } as OptionValues);

  it('one that has expired is named, with the day', async () => {
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const path = fixture('expired-cert');
    expect(await pair(fixture('key'), path)).toMatchObject({ cert: readFileSync(path, 'utf8') });
    expect(written.mock.calls.join('')).toBe(
      `warning: certificate 1 of --ssl-cert-file ${path} expired on Jan  1 00:00:00 2021 GMT\n`,
    );
  });

  it('a key that TLS refuses is refused with its file', async () => {
    const [key, cert] = [fixture('weak-key'), fixture('weak-cert')];
    await expect(pair(key, cert)).rejects.toThrow(
      `--ssl-key-file ${key} and --ssl-cert-file ${cert} cannot be used (error:0A00018F:SSL routines::ee key too small)`,
    );
  });

  it('a chain in another order says which is the first', async () => {
    const chain = ['weak-cert', 'cert'].map((name) => readFileSync(fixture(name), 'utf8')).join('');
    const path = folder.write('chain.pem', chain);
    await expect(pair(fixture('key'), path)).rejects.toThrow(
      `is not the key of --ssl-cert-file ${path}: its certificate is number 2 there, and must be the first`,
    );
  });
});

describe('API keys', () => {
  it.each(['a\nb', 'a\rb', 'a\r\nb\r\n', '\ufeffa\n\nb'])('%j has two', async (text) => {
    const apiKeyFile = folder.write('keys.txt', text);
    expect(await readApiKeys({ apiKeyFile } as OptionValues)).toEqual(['a', 'b']);
  });

  it('one that no header can hold is refused without its text', async () => {
    const apiKeyFile = folder.write('control.txt', 'first\nsec\u0000ret\n');
    const problem = 'it has a control character, which no request can send';
    const inFile = readApiKeys({ apiKeyFile } as OptionValues);
    await expect(inFile).rejects.toThrow(new UsageError(`--api-key-file ${apiKeyFile}, line 2: ${problem}`));
    const given = readApiKeys({ apiKey: ['sec\nret'] as readonly string[] } as OptionValues);
    await expect(given).rejects.toThrow(new UsageError(`--api-key, key 1: ${problem}`));
  });

  it('the command to try the server names a variable, and the log has no key', async () => {
    const child = start(['serve', '-m', model('bert-mean'), '--port', '0', '-t', '1', '-v', '--api-key', 'secret']);
    const { url, log } = await listening(child);
    await expect.poll(log).toContain(`try: curl ${url}/v1/embeddings -H "Authorization: Bearer $LLAMA_API_KEY" -H`);
    await fetch(`${url}/props?key=secret`, { headers: { authorization: 'Bearer secret' } });
    await expect.poll(log).toContain('GET /props 200');
    child.kill('SIGKILL');
    expect(log()).not.toContain('secret');
  });
});
