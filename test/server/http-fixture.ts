/**
 * @file The recorded requests and answers of native llama-server.
 */
import { readFileSync } from 'node:fs';

/** One recorded exchange. */
export interface HttpCase {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly body?: string;
  readonly body_base64?: string;
  readonly status: number;
  readonly response_headers: Readonly<Record<string, string>>;
  /** Exact answer. */
  readonly response_text?: string;
  /** Answer with vectors as base64. */
  readonly response_json?: unknown;
}

/** One llama-server and what was asked of it. */
export interface HttpServer {
  readonly model: string;
  readonly server_flags: readonly string[];
  readonly cases: readonly HttpCase[];
}

/** A fixture file below test/fixtures. */
export const fixture = (path: string) => new URL(`../fixtures/${path}`, import.meta.url);

/** All recorded servers. */
export const httpServers: Readonly<Record<string, HttpServer>> = JSON.parse(
  readFileSync(fixture('reference/http.json'), 'utf8'),
).servers;
