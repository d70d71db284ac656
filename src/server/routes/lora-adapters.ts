/**
 * @file GET and POST /lora-adapters: the LoRA adapters of the model and their scales, in llama-server's format.
 */
import * as v from 'valibot';
import type { LoraScale, ModelInfo } from '../../engine/index.ts';
import { taskAdapter } from '../../engine/lora.ts';
import type { RouteHandler } from '../context.ts';
import { HttpError } from '../errors.ts';
import { parseJson } from '../json/fields.ts';
import { readBytes } from '../middleware/read-bytes.ts';
import type { RequestContext } from '../request.ts';
import { loraList } from '../schema/bodies.ts';

/** Most bytes of a list of scales. */
const MAX_BYTES = 1 << 16;

/** GET /lora-adapters. */
export function loraAdapters({ state }: RequestContext): string {
  const { info, lora } = state.engine;
  return JSON.stringify(
    info.adapters.map(({ id, path, task = '', promptPrefix }) => ({
      id,
      path,
      scale: lora[id].scale,
      task_name: task,
      prompt_prefix: promptPrefix,
    })),
  );
}

/** POST /lora-adapters: scales for later requests without `lora`; adapters that are not in the list get 0. */
export const changeLoraAdapters: RouteHandler = async ({ state }, request) => {
  const bytes = await readBytes(request, MAX_BYTES, () => {});
  const list = parseJson(bytes, request.header('content-type') ?? '');
  if (!Array.isArray(list)) throw new HttpError('invalid_request_error', 'Request body must be an array');
  const checked = v.safeParse(loraList, list);
  if (!checked.success) throw new HttpError('invalid_request_error', checked.issues[0].message);
  state.engine.setLora(checked.output);
  return '{"success":true}';
};

/** The adapters that a request asks for. */
interface AskedAdapters {
  readonly lora?: readonly LoraScale[];
  /** What goes before texts, unless the request names a prompt. */
  readonly promptPrefix?: string;
}

/**
 * The adapters that the fields `lora` and `task` of a body ask for. A server without adapters ignores `task`, which clients of other servers
 * send to every model.
 * @throws HttpError for both fields, InputError for an unknown task
 */
export function askedAdapters(
  { adapters }: ModelInfo,
  { lora, task }: { readonly lora?: readonly LoraScale[] | null; readonly task?: string | null },
): AskedAdapters {
  if (task == null || adapters.length === 0) return { lora: lora ?? undefined };
  if (lora != null) {
    throw new HttpError('invalid_request_error', '"task" chooses an adapter: it cannot be given with "lora"');
  }
  return taskAdapter(adapters, task);
}
