/** @file Requests to an app without sockets, for the tests of the server. */
import { expect } from 'vitest';
import type { App } from '../../src/server/index.ts';

/** A text longer than the context of the model. */
export const long = 'word '.repeat(2000);

/** Posts `body` as JSON. */
export const post = (app: App, path: string, body: unknown, init: RequestInit = {}) =>
  app.fetch(new Request(`http://localhost${path}`, { method: 'POST', body: JSON.stringify(body), ...init }));

/** Gets a path. */
export const get = (app: App, path: string, headers: Record<string, string> = {}) =>
  app.fetch(new Request(`http://localhost${path}`, { headers }));

/** The data of an answer of `/v1/embeddings`, which must succeed. */
export async function embeddings(served: App, body: object): Promise<{ embedding: number[]; truncated?: boolean }[]> {
  const answer = await post(served, '/v1/embeddings', body);
  const json = await answer.json();
  expect(answer.status, JSON.stringify(json)).toBe(200);
  return json.data;
}

/** The status and the error of an answer. */
export const refusal = async (served: App, body: object, path = '/v1/embeddings') => {
  const answer = await post(served, path, body);
  return { status: answer.status, ...(await answer.json()).error };
};
