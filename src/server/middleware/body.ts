/**
 * @file Reads the body of a request after admission, and sends large bodies to another thread.
 */
import type { RouteHandler } from '../context.ts';
import { HttpError } from '../errors.ts';
import { parseFields } from '../json/fields.ts';
import type { BodyPath, Handler, LargeRequestHandler } from '../request.ts';
import type { ModelState } from '../state.ts';
import type { Admission } from './admission.ts';
import { readBytes } from './read-bytes.ts';

/** Bodies with more bytes are large. Smaller ones take a few milliseconds. */
const LARGE = 1 << 16;

/** Maximum number of values in an answer: 256 MiB of float32, three times as much as JSON. */
const MAX_VALUES = 1 << 26;
/** Bytes per value while the server makes an answer: a float32 and its decimals. */
const BYTES_PER_VALUE = 16;

/** Limits the body and the answer of a request, and calls `handler`, or `large` for a large body. */
export function withBody(path: BodyPath, handler: Handler, large: LargeRequestHandler | undefined): RouteHandler {
  return async (context, request) => {
    const admission = admit(context.state, Number(request.header('content-length') ?? 0));
    try {
      const bytes = await readBytes(request, context.state.settings.bodyLimit, admission.add);
      admission.start();
      const type = request.header('content-type') ?? '';
      const reserve = (nValues: number) => {
        if (nValues > MAX_VALUES) throw tooManyValues(nValues);
        admission.add(nValues * BYTES_PER_VALUE);
      };
      if (large !== undefined && bytes.length > LARGE)
        return await large.handle({ ...context, reserve, reserveBytes: admission.add, path, bytes, type });
      return await handler({
        ...context,
        reserve,
        reserveBytes: admission.add,
        fields: () => parseFields(bytes, type),
      });
    } finally {
      admission.end();
    }
  };
}

/** @throws HttpError (503) if too many requests are in progress */
function admit({ admission, counters, engine }: ModelState, bytes: number): Admission {
  const { tokensPerSecond } = counters;
  return admission.admit(bytes, tokensPerSecond > 0 ? engine.nWaitingTokens / tokensPerSecond : 1);
}

function tooManyValues(nValues: number): HttpError {
  return new HttpError(
    'invalid_request_error',
    `the answer would have ${nValues} values, more than ${MAX_VALUES}: ask for fewer inputs at a time, or fewer dimensions`,
  );
}
