/**
 * @file Turns the inputs of requests into inputs of the engine: replaces markers, fetches URLs.
 */
import type { ContentPart, EmbedInput } from '../../engine/index.ts';
import { HttpError } from '../errors.ts';
import type { RequestContext } from '../request.ts';
import { MarkedPrompt, type MediaPart, MediaRequest } from './media-request.ts';

/** An input of a request. */
export type RequestInput = EmbedInput | MediaRequest | MarkedPrompt;

const NO_VISION = 'Multimodal data provided, but model does not support multimodal requests.';

/**
 * Turns the inputs of a request into inputs of the engine.
 * @throws HttpError for images if the model takes none, if the numbers of markers and images differ, or for a URL that is not allowed or
 *   cannot be fetched
 */
export async function resolveInputs(
  context: Pick<RequestContext, 'state' | 'signal'>,
  inputs: readonly RequestInput[],
): Promise<EmbedInput[]> {
  const resolved: EmbedInput[] = [];
  for (const input of inputs) resolved.push(await resolveInput(context, input));
  return resolved;
}

async function resolveInput(
  context: Pick<RequestContext, 'state' | 'signal'>,
  input: RequestInput,
): Promise<EmbedInput> {
  if (!(input instanceof MarkedPrompt || input instanceof MediaRequest)) return input;
  const { engine, settings } = context.state;
  const hasImage = input instanceof MarkedPrompt || input.parts.some((part) => !('text' in part));
  if (hasImage && engine.info.vision === undefined) throw invalid(NO_VISION);
  const parts = input instanceof MarkedPrompt ? splitAtMarkers(input, settings.mediaMarker) : input.parts;
  if (parts.every((part) => 'text' in part)) return parts.map(({ text }) => text).join('');
  const resolved: ContentPart[] = [];
  for (const part of parts) resolved.push('url' in part ? { image: await fetchPart(context, part.url) } : part);
  return resolved;
}

function splitAtMarkers({ text, images }: MarkedPrompt, marker: string): MediaPart[] {
  // Without images, a text is plain text, unless it has a marker.
  const texts = text.split(marker);
  if (texts.length - 1 !== images.length) {
    const counts = `${texts.length - 1} media markers (${marker}) and ${images.length} images`;
    throw invalid(`Failed to tokenize prompt: "prompt_string" has ${counts}; each image needs one marker`);
  }
  return texts.flatMap((piece, i) => (i === 0 ? [{ text: piece }] : [{ image: images[i - 1] }, { text: piece }]));
}

async function fetchPart({ state, signal }: Pick<RequestContext, 'state' | 'signal'>, url: string) {
  const hosts = state.settings.imageUrls;
  if (hosts.length === 0) {
    throw invalid(
      'Images are not fetched from addresses: send them as data URIs, or start the server with --allow-image-urls',
    );
  }
  const { fetchImage } = await import('./fetch-image.node.ts');
  return fetchImage(url, { hosts, signal });
}

function invalid(message: string): HttpError {
  return new HttpError('invalid_request_error', message);
}
