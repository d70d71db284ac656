/**
 * @file The bodies of errors for the APIs of other servers, whose clients look for a message in another place.
 */
import type { HttpError } from '../errors.ts';

type ErrorBody = (error: HttpError) => string;

const cohere: ErrorBody = ({ message }) => JSON.stringify({ message });
const ollama: ErrorBody = ({ message }) => JSON.stringify({ error: message });
const tei: ErrorBody = ({ message, status }) =>
  JSON.stringify({
    error: message,
    error_type: status === 503 ? 'Overloaded' : status < 500 ? 'Validation' : 'Backend',
  });

/** APIs with a folder of their own: their clients ask for more routes there than this server has. */
const folders: readonly (readonly [path: RegExp, body: ErrorBody])[] = [
  [/\/v2\/\w+$/, cohere],
  [/\/api\/\w+$/, ollama],
];
const forms: typeof folders = [...folders, [/\/(embed|embed_sparse|info)$/, tei]];

/**
 * The body of `error` for the API that has this path; `undefined` for llama-server's.
 * @param isRoute whether this server has a route of this path
 */
export function foreignErrorBody(path: string, error: HttpError, isRoute = true): string | undefined {
  return (isRoute ? forms : folders).find(([pattern]) => pattern.test(path))?.[1](error);
}
