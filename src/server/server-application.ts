/**
 * @file The application of a server before it has routes: the middleware around all requests, which also counts and logs each answer.
 */
import { Application } from './http/application.ts';
import type { Middleware } from './http/exchange.ts';
import { checkKey } from './middleware/access.ts';
import { serveApiDocs } from './middleware/api-docs.ts';
import { cors } from './middleware/cors.ts';
import { answerErrors } from './middleware/errors.ts';
import { commonHeaders, headHeaders } from './middleware/headers.ts';
import { record } from './middleware/metrics.ts';
import { type PageFiles, servePage } from './middleware/page.ts';
import type { ServeOptions } from './options.ts';
import type { ServerState } from './state.ts';

/** Pages that a server may have. */
export interface Pages {
  /** The files of the web page. Default: no page. */
  readonly page?: PageFiles;
  /** The files of the page at /docs. Default: no page. */
  readonly apiDocs?: PageFiles;
}

/** @param beforeKey middleware that runs before keys are checked */
export function serverApplication(
  { settings, counters }: Pick<ServerState, 'settings' | 'counters'>,
  { page, apiDocs, ...options }: Pages & Pick<ServeOptions, 'onError' | 'onRequest'>,
  beforeKey: readonly Middleware[] = [],
): Application {
  const { prefix, apiKeys } = settings;
  return new Application({
    prefix,
    middleware: [
      commonHeaders,
      cors(settings.cors),
      servePage(page, prefix),
      serveApiDocs(apiDocs, prefix),
      ...beforeKey,
      checkKey(apiKeys, prefix),
      headHeaders,
    ],
    onError: answerErrors(counters, options),
    onAnswer: record(counters, options.onRequest),
  });
}
