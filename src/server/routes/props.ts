/**
 * @file GET and POST /props: the settings of the server, in llama-server's format.
 */
import { HttpError } from '../errors.ts';
import type { RequestContext } from '../request.ts';

/** GET /props. */
export function props({ state }: RequestContext): string {
  const { engine, name, settings } = state;
  const { info, tokenizer, metadata } = engine;
  const { bos, eos } = tokenizer.vocab;
  const text = (id: number | undefined) => (id === undefined ? '' : tokenizer.vocab.text(id));
  return JSON.stringify({
    default_generation_settings: {
      params: settings.seed === undefined ? {} : { seed: settings.seed },
      n_ctx: info.nCtx,
    },
    total_slots: settings.nSlots,
    model_alias: name,
    model_ftype: info.ftype,
    model_path: info.source,
    modalities: { vision: info.vision !== undefined, video: false, audio: false },
    media_marker: settings.mediaMarker,
    endpoint_slots: settings.slots,
    endpoint_props: settings.props,
    endpoint_metrics: settings.metrics,
    ui: settings.ui,
    ui_settings: {},
    chat_template: metadata.has('tokenizer.chat_template') ? metadata.string('tokenizer.chat_template') : '',
    bos_token: text(bos),
    eos_token: text(eos),
    build_info: 'gguf-embed',
    is_sleeping: false,
    cors_proxy_enabled: false,
    n_ubatch: info.nUbatch,
  });
}

/** POST /props. No property can be changed. */
export function changeProps({ state }: RequestContext): string {
  if (state.settings.props) return '{"success":true}';
  throw new HttpError(
    'not_supported_error',
    'This server does not support changing global properties. Start it with `--props`',
  );
}
