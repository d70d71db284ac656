/**
 * @file What the server says about itself: GET /health, /props, /slots, /lora-adapters, and the routes that only tell why not.
 */
import { HttpError } from '../errors.ts';
import type { Asked, Handler } from '../state.ts';

/** Routes of llama-server that generate text or work on chats. */
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

/** A handler that answers 501. */
export function unsupported(message: string): Handler<Asked> {
  return () => {
    throw new HttpError('not_supported_error', message);
  };
}

/**
 * GET /health.
 * @throws HttpError 503 when the model cannot compute any more, so that whoever watches starts the server anew
 */
export function health({ service: { engine } }: Asked): string {
  if (engine.failure !== undefined) throw new HttpError('unavailable_error', engine.failure.message);
  return '{"status":"ok"}';
}

/** GET /props. */
export function props({ service }: Asked): string {
  const { engine, name, options } = service;
  const { info, tokenizer, metadata } = engine;
  const { bos, eos } = tokenizer.vocab;
  const text = (id: number | undefined) => (id === undefined ? '' : tokenizer.vocab.text(id));
  return JSON.stringify({
    default_generation_settings: { params: {}, n_ctx: info.nCtx },
    total_slots: options.nSlots,
    model_alias: name,
    model_ftype: info.ftype,
    model_path: info.source,
    modalities: { vision: false, video: false, audio: false },
    endpoint_slots: options.slots,
    endpoint_props: options.props,
    endpoint_metrics: options.metrics,
    ui: false,
    ui_settings: {},
    chat_template: metadata.has('tokenizer.chat_template') ? metadata.string('tokenizer.chat_template') : '',
    bos_token: text(bos),
    eos_token: text(eos),
    build_info: 'gguf-embed',
    is_sleeping: false,
    cors_proxy_enabled: false,
  });
}

/** POST /props: there is nothing to change. */
export function changeProps({ service }: Asked): string {
  if (service.options.props) return '{"success":true}';
  throw new HttpError(
    'not_supported_error',
    'This server does not support changing global properties. Start it with `--props`',
  );
}

/** GET /slots. There are no slots here; as many of those reported are busy as there are requests under way. */
export function slots({ service, query }: Asked): string {
  const { engine, gate, options } = service;
  if (!options.slots) {
    throw new HttpError('not_supported_error', 'This server does not support slots endpoint. Start it with `--slots`');
  }
  if (query('fail_on_no_slot') && gate.nActive >= options.nSlots) {
    throw new HttpError('unavailable_error', 'no slot available');
  }
  return JSON.stringify(
    Array.from({ length: options.nSlots }, (_, id) => ({
      id,
      n_ctx: engine.info.nCtx,
      speculative: false,
      is_processing: id < gate.nActive,
    })),
  );
}

/** When this module was loaded, which is when the process began to serve. */
const startedAt = Math.floor(Date.now() / 1000);

/** GET /metrics. */
export function metrics(call: Asked): string {
  const { gate, options, metrics } = call.service;
  if (!options.metrics) {
    throw new HttpError(
      'not_supported_error',
      'This server does not support metrics endpoint. Start it with `--metrics`',
    );
  }
  call.header('Content-Type', 'text/plain; version=0.0.4');
  call.header('Process-Start-Time-Unix', String(startedAt));
  return metrics.scrape(call.service, gate.nActive);
}
