/**
 * @file The life of the server process: listening, signals, a port in use.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { listening, model, run, start } from './run.ts';

const children: ReturnType<typeof start>[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Starts a server on a free port and waits until it listens. */
async function serve(...args: string[]) {
  const child = start(['serve', '-m', model('bert-mean'), '--port', '0', '-t', '1', ...args]);
  children.push(child);
  return listening(child);
}

/** Resolves when at least `n` requests are being worked on. */
async function busy(url: string, n: number): Promise<void> {
  const active = async () => {
    const slots = (await (await fetch(`${url}/slots`)).json()) as { is_processing: boolean }[];
    return slots.filter(({ is_processing }) => is_processing).length;
  };
  await expect.poll(active, { timeout: 10_000, interval: 5 }).toBeGreaterThanOrEqual(n);
}

const embed = (url: string, input: unknown) =>
  fetch(`${url}/v1/embeddings`, { method: 'POST', body: JSON.stringify({ input }) });

describe('serve', () => {
  it('says what it serves and gives a curl line that works', async () => {
    const { url, log } = await serve('--embedding', '-ngl', '99');
    expect(log()).toContain('synthetic bert-mean (bert, all F32)');
    expect(log()).toContain('pooling mean, 64 dimensions, context 512 tokens');
    expect(log()).toContain('-ngl is ignored');
    const cores = availableParallelism();
    expect(log().includes(`computes on 1 of ${cores} cores; --threads takes more`)).toBe(cores > 1);
    await expect.poll(log).toContain(`try: curl ${url}/v1/embeddings`);
    const answer = await embed(url, 'Hello, world');
    expect(answer.status).toBe(200);
    expect((await answer.json()).data[0].embedding).toHaveLength(64);
  });

  it.each<[string[], number]>([
    [['-c', '512', '-np', '2'], 256],
    [['-c', '512', '-np', '2', '--kv-unified'], 512],
    [['-c', '512'], 512],
    [['-np', '2'], 512],
    [['-c', '300', '-np', '4'], 256],
    [['-c', '100', '-np', '4'], 100],
    [['-c', '2048', '-np', '2'], 512],
  ])('%j: a slot has the context that it has for llama-server', async (args, nCtx) => {
    const { url } = await serve(...args);
    expect((await (await fetch(`${url}/props`)).json()).default_generation_settings.n_ctx).toBe(nCtx);
    expect((await (await fetch(`${url}/slots`)).json())[0].n_ctx).toBe(nCtx);
    const answer = await embed(url, 'a '.repeat(nCtx - 1));
    expect(answer.status).toBe(400);
    expect((await answer.json()).error.n_ctx).toBe(nCtx);
  });

  it('/props reports the seed that it was given', async () => {
    const params = async (...args: string[]) => {
      const { url } = await serve(...args);
      return (await (await fetch(`${url}/props`)).json()).default_generation_settings.params;
    };
    expect(await params('--seed', '42')).toEqual({ seed: 42 });
    expect(await params()).toEqual({});
  });

  it('answers what was accepted before it ends on SIGTERM, with exit code 0', async () => {
    const { child, end, url } = await serve();
    const text = 'one two three four five six seven eight '.repeat(10);
    const answers = Array.from({ length: 8 }, (_, i) => embed(url, Array(20).fill(`${i} ${text}`)));
    await busy(url, 4);
    child.kill('SIGTERM');
    for (const answer of await Promise.all(answers)) {
      expect(answer.status).toBe(200);
      expect((await answer.json()).data).toHaveLength(20);
    }
    expect((await end).code).toBe(0);
    await expect(embed(url, 'late')).rejects.toThrow();
  });

  it.each([
    ['small', 800, 20],
    ['large', 4000, 200],
  ])('drops a %s request whose client went away, and serves the others meanwhile', async (_, n, words) => {
    const { url } = await serve('--metrics');
    const gauge = async (name: string) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
    };
    const leaving = new AbortController();
    const body = JSON.stringify({ input: Array.from({ length: n }, (_, i) => `${i} ${'a '.repeat(words)}`) });
    const long = fetch(`${url}/v1/embeddings`, { method: 'POST', body, signal: leaving.signal }).catch(() => 'gone');
    await expect.poll(() => gauge('gguf_embed_queue_inputs'), { timeout: 20_000, interval: 5 }).toBeGreaterThan(n / 2);
    expect((await embed(url, 'short')).status).toBe(200);
    expect(await gauge('gguf_embed_queue_inputs')).toBeGreaterThan(0);
    leaving.abort();
    expect(await long).toBe('gone');
    await expect.poll(() => gauge('llamacpp:requests_processing'), { timeout: 10_000 }).toBe(0);
    expect(await gauge('gguf_embed_queue_inputs')).toBe(0);
    expect(await gauge('gguf_embed_abandoned_total')).toBe(1);
    expect((await embed(url, 'later')).status).toBe(200);
  });

  it('ends at once on a second signal, with exit code 130', async () => {
    const { child, end, url, log } = await serve();
    const text = 'one two three four five six seven eight '.repeat(10);
    const long = embed(url, Array(20_000).fill(text)).catch(() => 'gone');
    await busy(url, 1);
    child.kill('SIGINT');
    await expect.poll(log).toContain('stopping');
    child.kill('SIGINT');
    expect((await end).code).toBe(130);
    expect(await long).toBe('gone');
  });

  it('says in one line that a port is in use', async () => {
    const { url } = await serve();
    const { port } = new URL(url);
    const { code, stderr } = await run(['serve', '-m', model('bert-mean'), '--port', port]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `error: 127.0.0.1:${port} is in use: choose another port with --port, or stop what listens there\n`,
    );
  });
});

describe('serve reads the files it is given', () => {
  const files = mkdtempSync(join(tmpdir(), 'serve-'));
  const file = (name: string, text: string) => {
    writeFileSync(join(files, name), text);
    return join(files, name);
  };
  afterAll(() => rmSync(files, { recursive: true }));

  it('keys and prompts', async () => {
    const keys = file('keys.txt', '# people\nalice\n\n bob \n');
    const prompts = file('prompts.json', '{"prompts":{"query":"query: "},"default_prompt_name":"query"}');
    const { url } = await serve('--api-key', 'carol', '--api-key-file', keys, '--prompts', prompts);
    const ask = (key: string, body: object) =>
      fetch(`${url}/embedding`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}` },
        body: JSON.stringify(body),
      });
    for (const key of ['alice', 'bob', 'carol']) expect((await ask(key, { content: 'a' })).status).toBe(200);
    expect((await ask('# people', { content: 'a' })).status).toBe(401);
    const named = await (await ask('bob', { content: 'panda' })).text();
    const plain = await (await ask('bob', { content: 'query: panda', prompt_name: '' })).text();
    expect(named).toBe(plain);
  });

  it.each<[what: string, file: string, text: string, byDefault: string]>([
    ['prompts by name', 'named.json', '{"query":"query: ","prompts":"p "}', ''],
    ['a configuration', 'config.json', '{"prompts":{"query":"query: "},"default_prompt_name":null}', ''],
    [
      'a configuration with a default',
      'default.json',
      '{"__version__":{"transformers":"4.6.1"},"prompts":{"query":"query: ","":""},"default_prompt_name":"query","similarity_fn_name":"cosine"}',
      'query: ',
    ],
    [
      'a byte order mark',
      'mark.json',
      '\ufeff{"prompts":{"query":"query: "},"default_prompt_name":"query"}',
      'query: ',
    ],
    ['a configuration without prompts', 'old.json', '{"__version__":{"sentence_transformers":"2.0.0"}}', ''],
    ['a configuration with null', 'null.json', '{"__version__":{},"prompts":null,"default_prompt_name":null}', ''],
  ])('--prompts takes %s', async (_, name, text, byDefault) => {
    const { url } = await serve('--prompts', file(name, text));
    const ask = async (body: object) =>
      (await fetch(`${url}/embedding`, { method: 'POST', body: JSON.stringify(body) })).text();
    expect(await ask({ content: 'panda' })).toBe(await ask({ content: `${byDefault}panda`, prompt_name: '' }));
    if (!text.includes('query')) return;
    expect(await ask({ content: 'panda', prompt_name: 'query' })).toBe(
      await ask({ content: 'query: panda', prompt_name: '' }),
    );
  });

  it.each([
    [['--api-key-file', 'absent'], /--api-key-file: cannot read absent: the file does not exist/],
    [['--api-key-file', files], /--api-key-file: cannot read \S+: it is a folder/],
    [['--api-key-file', file('nothing.txt', '')], /--api-key-file \S+ contains no key/],
    [
      ['--api-key-file', join(file('plain.txt', 'a'), 'b')],
      /--api-key-file: cannot read \S+: a part of its path is not a folder/,
    ],
    [
      ['--ssl-key-file', 'absent', '--ssl-cert-file', 'absent'],
      /--ssl-key-file: cannot read absent: the file does not exist/,
    ],
    [
      ['--ssl-key-file', file('key.pem', ''), '--ssl-cert-file', files],
      /--ssl-cert-file: cannot read \S+: it is a folder/,
    ],
    [['--prompts', files], /--prompts: cannot read \S+: it is a folder/],
    [['--prompts', file('none.json', '')], /--prompts \S+ is not JSON/],
    [
      ['--prompts', file('name.json', '{"prompts":{"a":"b"},"default_prompt_name":7}')],
      /"default_prompt_name" must be a string or null/,
    ],
    [
      ['--prompts', file('else.json', '{"prompts":{"a":"b"},"default_prompt_name":"c"}')],
      /there is no prompt "c" \(known: a; give others with --prompts FILE\)/,
    ],
    [['--prompts', file('deep.json', '{"prompts":{"a":{"b":"c"}}}')], /"a" must be a text or \{ prefix/],
    [['--prompts', file('list.json', '{"prompts":["a"]}')], /"prompts" must be an object/],
    [['--api-key', ''], /--api-key is empty/],
    [['--host', ''], /--host/],
    [['model.gguf'], /unexpected argument "model\.gguf" \(give a model with -m model\.gguf\)/],
    [['--reranking'], /is not a reranker: its file has no classifier/],
    [['--pooling', 'rank'], /is not a reranker: its file has no classifier/],
    [['--api-key-file', file('empty.txt', '# nobody\n')], /contains no key/],
    [['--ssl-key-file', 'absent'], /must be given together/],
    [['--ssl-key-file', file('k.pem', 'no'), '--ssl-cert-file', file('c.pem', 'no')], /PEM|key|cert/i],
    [['--prompts', file('bad.json', '[1]')], /must contain a JSON object/],
    [['--prompts', file('worse.json', '{"a":1}')], /"a" must be a text or \{ prefix/],
    [['--default-prompt-name', 'query'], /there is no prompt "query" \(known: none; give others with --prompts FILE\)/],
    [['--host', '203.0.113.7'], /203\.0\.113\.7 is not an address of this machine/],
    [['--host', '127.0.0.1:8080'], /unknown host name: 127\.0\.0\.1:8080; give the address alone, and the port with/],
    [['--host', 'fe80::1'], /fe80::1 (needs the name of its interface: fe80::1%eth0|is not an address)/],
    [['--host', '127.0.0.1,::1'], /--port 0 needs a single --host/],
  ])('%j is refused in one line', async (args, message) => {
    const { code, stderr } = await run(['serve', '-m', model('bert-mean'), '--port', '0', ...args]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^(loading .*\n)?error: [^\n]+\n$/);
    expect(stderr).toMatch(message);
  });

  it('listens on a UNIX socket', async () => {
    const path = join(files, 'embed.sock');
    const child = start(['serve', '-m', model('bert-mean'), '--host', path]);
    children.push(child);
    await new Promise<void>((resolve) => {
      child.stderr.on('data', (data) => String(data).includes('listening on unix:') && resolve());
    });
    const status = await new Promise((resolve, reject) => {
      request({ socketPath: path, path: '/health' }, (answer) => resolve(answer.statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });
});
