/**
 * @file Replays what was recorded from native llama-server over a socket. Every difference is listed here with its reason
 * and in docs/compatibility.md; an answer that is neither equal nor listed fails.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import type { Pooling } from '../../src/models/index.ts';
import { type AppOptions, createApp } from '../../src/server/index.ts';
import { type Listening, listen } from '../../src/server/sockets/listen.node.ts';
import { cosine, floats, lengthRatio } from '../vectors.ts';
import { fixture, type HttpCase, httpServers } from './http-fixture.ts';
import { send } from './raw-request.ts';

/** How each recorded server is started here. */
const setups: Record<string, { pooling?: Pooling; options?: AppOptions } | undefined> = {
  embed: {},
  // Has no equal: this server always embeds.
  no_embedding: undefined,
  api_key: { options: { apiKeys: ['sk-test-123', 'second-key'] } },
  pooling_none: { pooling: 'none' },
  rank: {},
  causal: {},
  no_special_tokens: {},
  alias: { options: { aliases: ['my-alias'], normalize: -1, metrics: true } },
};

interface ErrorBody {
  error: { code: number; message: string; type: string; [more: string]: unknown };
}

/** What is expected instead of the recorded answer, `undefined` where it is the same. */
function difference(recorded: HttpCase): { status: number; error?: Partial<ErrorBody['error']> } | undefined {
  const { method, path, status, response_text } = recorded;
  const message = response_text?.includes('"error"') ? (JSON.parse(response_text) as ErrorBody).error.message : '';
  if (/completion|infill|apply-template/.test(path) && method === 'POST') {
    return { status: 501, error: { type: 'not_supported_error' } };
  }
  const tooLarge = /input \((\d+) tokens\) is too large/.exec(message);
  if (tooLarge) {
    const nTokens = Number(tooLarge[1]);
    return {
      status: 400,
      error: {
        type: 'exceed_context_size_error',
        message: `input (${nTokens} tokens) is larger than the max context size (512 tokens). skipping: the input is too large`,
        n_prompt_tokens: nTokens,
        n_ctx: 512,
      },
    };
  }
  if (message === 'Prompt contains invalid tokens') {
    return { status, error: { type: 'invalid_request_error' } };
  }
  if (message.startsWith('vector::_M_default_append')) {
    return { status: 400, error: { type: 'invalid_request_error', message: '"top_n" must not be negative' } };
  }
  if (message.startsWith('vector::_M_range_check')) {
    return { status: 400, error: { type: 'invalid_request_error' } };
  }
  // Null is absent, and documents may be objects with a text: what is answered is in other-clients.test.ts.
  if (status >= 400 && /: null\}$|"documents": \[\{"text": "a"\}\]/.test(recorded.body ?? '')) {
    if (!/"(input|query|prompt|documents)": null/.test(recorded.body!)) return { status: 200 };
  }
  if (status === 500) return { status: 400, error: { type: 'invalid_request_error', message } };
  return undefined;
}

/** Replaces base64 vectors of a recording by numbers where our answer has numbers. */
function sameJson(ours: unknown, recorded: unknown, path = ''): void {
  if (typeof recorded === 'string' && Array.isArray(ours) && ours.every((x) => typeof x === 'number')) {
    sameVector(ours, floats(recorded), path);
  } else if (typeof recorded === 'string' && typeof ours === 'string' && path.endsWith('.embedding')) {
    sameVector(floats(ours), floats(recorded), path);
  } else if (Array.isArray(recorded) && Array.isArray(ours)) {
    expect(ours.length, path).toBe(recorded.length);
    for (const [i, value] of recorded.entries()) sameJson(ours[i], value, `${path}[${i}]`);
  } else if (typeof recorded === 'object' && recorded !== null && typeof ours === 'object' && ours !== null) {
    expect(Object.keys(ours), path).toEqual(Object.keys(recorded));
    for (const [key, value] of Object.entries(recorded)) {
      if (key !== 'created') sameJson((ours as Record<string, unknown>)[key], value, `${path}.${key}`);
    }
  } else if (/score$/.test(path)) {
    expect(ours, path).toBeCloseTo(recorded as number, 2);
  } else expect(ours, path).toEqual(recorded);
}

/** llama.cpp looks GELU up in a table of float16; 1 - cosine is below 1e-6 all the same. */
function sameVector(ours: ArrayLike<number>, recorded: ArrayLike<number>, path: string): void {
  expect(ours.length, path).toBe(recorded.length);
  expect(1 - cosine(ours, recorded), path).toBeLessThan(1e-5);
  expect(Math.abs(lengthRatio(ours, recorded) - 1), path).toBeLessThan(1e-2);
}

for (const [label, { model, cases }] of Object.entries(httpServers)) {
  const setup = setups[label];
  if (!(label in setups)) throw new Error(`no setup for the recorded server ${label}`);
  if (setup === undefined) continue;
  describe(`llama-server as recorded: ${label}`, () => {
    let embedder: Embedder;
    let server: Listening;
    beforeAll(async () => {
      const bytes = readFileSync(fixture(model));
      embedder = await Embedder.load(new Blob([bytes]), {
        backend: 'reference',
        worker: false,
        pooling: setup.pooling,
      });
      const aliases = [model.split('/').at(-1)!];
      server = await listen(createApp(embedder, { aliases, ...setup.options }), { host: '127.0.0.1', port: 0 });
    });
    afterAll(async () => {
      await server?.close();
      await embedder?.dispose();
    });

    for (const [i, recorded] of cases.entries()) {
      const { method, path, headers = {}, body, body_base64 } = recorded;
      const shown = (body ?? body_base64 ?? '').slice(0, 60);
      it(`${i} ${method} ${path} ${JSON.stringify(headers)} ${shown}`, async () => {
        const sent = Object.entries(headers).filter((pair): pair is [string, string] => pair[1] !== null);
        const answer = await send(server.port, method, path, {
          headers: Object.fromEntries(sent),
          body: body_base64 === undefined ? body : Buffer.from(body_base64, 'base64'),
        });
        const expected = difference(recorded);
        expect(answer.status).toBe(expected?.status ?? recorded.status);
        for (const [name, value] of Object.entries(recorded.response_headers)) {
          expect(answer.headers[name], name).toBe(value);
        }
        if (expected?.status === 200) return;
        if (expected?.error) {
          expect(JSON.parse(answer.text).error).toMatchObject({ code: expected.status, ...expected.error });
        } else if (recorded.response_json !== undefined) {
          sameJson(JSON.parse(answer.text), recorded.response_json);
        } else if (path === '/props' || path === '/slots') {
          sameStatus(JSON.parse(answer.text), JSON.parse(recorded.response_text!));
        } else if (answer.text !== recorded.response_text) {
          sameJson(JSON.parse(answer.text), JSON.parse(recorded.response_text!));
        }
      });
    }
  });
}

/**
 * /props and /slots tell nothing about generating text; what they do tell has the same names and types, in the same order. /props adds the
 * size of batches, which depends on the GPU.
 */
function sameStatus({ n_ubatch: _, ...ours }: { n_ubatch?: number }, recorded: object): void {
  const keys = Object.keys(recorded).filter((key) => key in ours);
  expect(Object.keys(ours)).toEqual(keys);
  for (const key of keys) {
    const [a, b] = [(ours as Record<string, unknown>)[key], (recorded as Record<string, unknown>)[key]];
    expect(typeof a, key).toBe(typeof b);
  }
}
