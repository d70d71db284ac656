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

const forms: readonly (readonly [path: RegExp, body: ErrorBody])[] = [
  [/\/v2\/rerank$/, cohere],
  [/\/api\/(embed|tags|version)$/, ollama],
  [/\/(embed|embed_sparse|info)$/, tei],
];

/** The body of `error` for the API that has this path; `undefined` for llama-server's. */
export function foreignErrorBody(path: string, error: HttpError): string | undefined {
  return forms.find(([pattern]) => pattern.test(path))?.[1](error);
}
