/**
 * @file Readable errors for connections that fail.
 */
import { HubError } from './errors.ts';

/** Failures for which a retry is useless: unknown host, certificates, answers that are not HTTP, requests that cannot be sent or that the runtime forbids. */
const LASTING_CODES =
  /^(?:ENOTFOUND|EPROTO|HPE_|UND_ERR_(?:INVALID|HEADERS_OVERFLOW|NOT_SUPPORTED)|ERR_(?:TLS|SSL|INVALID|ACCESS_DENIED)|CERT_|CRL_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_)/;
/** Messages of `fetch` for requests that it refuses to send. */
const LASTING_REASONS = ['bad port', 'unknown scheme'];
/** Names of Deno's errors for a permission that the process lacks. */
const LASTING_NAMES = ['NotCapable', 'PermissionDenied'];

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  ENOTFOUND: 'there is no such host (is there a network?)',
  EAI_AGAIN: 'the name of the host cannot be looked up (is there a network?)',
  ETIMEDOUT: 'it does not answer',
  ERR_ACCESS_DENIED: 'this process may not use the network: run it with --allow-net',
  'bad port': 'fetch sends no requests to this port, which is reserved for another service',
};

/** The error for a failed connection; runtimes name the causes differently. */
export function connectionError(error: unknown, url: URL): HubError {
  const { name, message, cause } = error as Error & {
    readonly cause?: { readonly code?: string; readonly message?: string };
  };
  const { code = '', message: details = '' } = cause ?? {};
  const isTransient = !LASTING_CODES.test(code) && !LASTING_REASONS.includes(details) && !LASTING_NAMES.includes(name);
  const reason = reasons[code] ?? reasons[details] ?? (details || message);
  return new HubError('unavailable', `cannot reach ${url.host}: ${reason}`, { isTransient, cause: error });
}
