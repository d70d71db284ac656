/**
 * @file Routes of llama-server that this server does not support: they answer 501 with the reason.
 */
import { HttpError } from '../errors.ts';
import type { Handler, RequestContext } from '../request.ts';

/** Routes of llama-server that generate text or handle chats. */
export const generationPaths = [
  '/completion',
  '/completions',
  '/v1/completions',
  '/chat/completions',
  '/v1/chat/completions',
  '/v1/chat/completions/control',
  '/responses',
  '/v1/responses',
  '/v1/messages',
  '/infill',
  '/audio/transcriptions',
  '/v1/audio/transcriptions',
  '/chat/completions/input_tokens',
  '/v1/chat/completions/input_tokens',
  '/responses/input_tokens',
  '/v1/responses/input_tokens',
  '/v1/messages/count_tokens',
  '/apply-template',
] as const;

/** A handler that answers 501 with `message`. */
export function unsupported(message: string): Handler<RequestContext> {
  return () => {
    throw new HttpError('not_supported_error', message);
  };
}
