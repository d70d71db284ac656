/**
 * @file `messages`, vLLM's form of inputs with images: the turns of a chat as one input.
 */
import { HttpError } from '../errors.ts';
import type { Fields } from '../json/fields.ts';
import { type MediaPart, MediaRequest, readMedia } from './media-request.ts';

/** The texts before and after the content of a turn. */
interface ChatLayout {
  begin(role: string): string;
  readonly end: string;
  /** The name of the role that answers. */
  readonly answerer: string;
}

const chatMl: ChatLayout = { begin: (role) => `<|im_start|>${role}\n`, end: '<|im_end|>\n', answerer: 'assistant' };
const gemma: ChatLayout = {
  begin: (role) => `<start_of_turn>${role === 'assistant' ? 'model' : role}\n`,
  end: '<end_of_turn>\n',
  answerer: 'model',
};
const plain: ChatLayout = { begin: () => '', end: '\n', answerer: '' };

/** The layout of a chat template. Templates are programs, and this file does not run them. */
function layoutOf(template: string | undefined): ChatLayout {
  if (template?.includes('<|im_start|>')) return chatMl;
  return template?.includes('<start_of_turn>') ? gemma : plain;
}

/**
 * Turns `messages` into an input. `add_generation_prompt` begins an answer; `continue_final_message` leaves the last turn open.
 * @param template `tokenizer.chat_template` of the file
 * @throws HttpError for anything else than a list of messages
 */
export function readMessages(fields: Fields, template: string | undefined): MediaRequest {
  const { messages } = fields;
  if (!Array.isArray(messages) || messages.length === 0) throw invalid('"messages" must be a non-empty array');
  const { begin, end, answerer } = layoutOf(template);
  const parts: MediaPart[] = [];
  for (const [i, message] of messages.entries()) {
    const { role, content } = (message ?? {}) as { role?: unknown; content?: unknown };
    if (typeof role !== 'string') throw invalid(`message ${i} must have a role`);
    const isOpen = i === messages.length - 1 && fields.continue_final_message === true;
    parts.push({ text: begin(role) });
    for (const part of readMedia(content ?? '').parts) parts.push(part);
    if (!isOpen) parts.push({ text: end });
  }
  if (fields.add_generation_prompt === true) parts.push({ text: begin(answerer) });
  return new MediaRequest(parts);
}

function invalid(message: string): HttpError {
  return new HttpError('invalid_request_error', message);
}
