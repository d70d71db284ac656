/**
 * @file The server that the page comes from: its models, and how they are asked.
 */
import { numbersOf, type SpeedNumbers } from '../speed/numbers.ts';
import { t } from '../words/words.ts';
import { inParts, type PageInput, type PageModel, pieceText, type Token, type WorkOptions } from './page-model.ts';

/** Texts in one request. */
const BATCH = 32;
/** Inputs in one request where pictures are among them: a photo has megabytes. */
const PICTURE_BATCH = 2;
/** Milliseconds between two questions to a server that is loading its model. */
const PATIENCE = 500;
/** How often a model that is unloaded while it is asked about is asked about again. */
const TRIES = 3;

/** The server refuses the key, or wants one. */
export class KeyError extends Error {}

/** The address of the server, with a slash at the end. */
export const serverUrl = new URL('.', document.baseURI).href;

/** Asks a server. */
export class Server {
  /** The API key; empty for none. */
  key = '';

  /**
   * The answer to a request.
   * @throws KeyError, Error with the server's own message or one that says what to do
   */
  async ask(path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = {};
    if (this.key !== '') headers.Authorization = `Bearer ${this.key}`;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const method = body === undefined ? 'GET' : 'POST';
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const response = await fetch(serverUrl + path, { method, headers, body: sent, signal }).catch((error: unknown) => {
      throw signal?.aborted ? error : new Error(t('serverGone'));
    });
    if (response.ok) return response;
    if (response.status === 401) throw new KeyError(t(this.key === '' ? 'keyNeeded' : 'keyWrong'));
    const text = await response.text();
    throw new ServerError(response.status, messageOf(text) ?? `HTTP ${response.status}`);
  }

  /** The parsed answer. Throws what `ask` throws. */
  async json<Answer>(path: string, body?: unknown, signal?: AbortSignal): Promise<Answer> {
    return (await this.ask(path, body, signal)).json();
  }

  /**
   * The names of the models, once the server has loaded its model.
   * @param onWait called when the model is not loaded yet
   */
  async models(onWait: () => void, signal: AbortSignal): Promise<string[]> {
    for (;;) {
      try {
        const { data } = await this.json<{ data: { id: string }[] }>('v1/models', undefined, signal);
        return data.map(({ id }) => id);
      } catch (error) {
        if (!(error instanceof ServerError) || error.status !== 503) throw error;
        signal.throwIfAborted();
        onWait();
        await new Promise((resolve) => setTimeout(resolve, PATIENCE));
      }
    }
  }

  /** A model of the server, by name; a server with several loads it now. */
  async model(name: string, signal: AbortSignal): Promise<PageModel> {
    const query = `?model=${encodeURIComponent(name)}`;
    let info: { model_type: object };
    let dimensions: number | undefined;
    // A request for another model may unload this one between the two answers.
    for (let tries = 0; ; tries++) {
      info = await this.json(`info${query}`, undefined, signal);
      const { data } = await this.json<{ data: { id: string; meta?: { n_embd?: number } }[] }>(
        'v1/models',
        undefined,
        signal,
      );
      dimensions = data.find(({ id }) => id === name)?.meta?.n_embd;
      if (dimensions !== undefined || tries === TRIES) break;
    }
    const { modalities } = await this.json<{ modalities?: { vision: boolean } }>(`props${query}`, undefined, signal);
    return new ServerModel(this, name, dimensions, 'reranker' in info.model_type, modalities?.vision ?? false);
  }
}

/** The server answered with an error. */
class ServerError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What the body of an error says. */
function messageOf(body: string): string | undefined {
  try {
    const { error } = JSON.parse(body);
    return typeof error === 'string' ? error : error?.message;
  } catch {
    return undefined;
  }
}

/** A model of the server. */
class ServerModel implements PageModel {
  readonly name: string;
  readonly where = t('onServer');
  readonly dimensions: number | undefined;
  readonly isReranker: boolean;
  readonly takesImages: boolean;
  readonly #server: Server;

  constructor(server: Server, name: string, dimensions: number | undefined, isReranker: boolean, takesImages: boolean) {
    this.takesImages = takesImages;
    this.#server = server;
    this.name = name;
    this.dimensions = dimensions;
    this.isReranker = isReranker;
  }

  embed(inputs: readonly PageInput[], options: WorkOptions = {}): Promise<Float32Array[]> {
    const work = async (part: readonly PageInput[]) => {
      const input = await Promise.all(part.map(requestInput));
      const body = { model: this.name, input, encoding_format: 'base64', truncate: true };
      const { data } = await this.#server.json<{ data: { embedding: string }[] }>(
        'v1/embeddings',
        body,
        options.signal,
      );
      return data.map(({ embedding }) => floats(embedding));
    };
    const hasPictures = inputs.some((input) => typeof input !== 'string');
    return inParts(inputs, hasPictures ? PICTURE_BATCH : BATCH, work, options);
  }

  rank(query: string, documents: readonly string[], options: WorkOptions = {}): Promise<number[]> {
    const work = async (part: readonly string[]) => {
      const body = { model: this.name, query, documents: part, truncate: true };
      const { results } = await this.#server.json<{ results: { index: number; relevance_score: number }[] }>(
        'v1/rerank',
        body,
        options.signal,
      );
      return results.sort((a, b) => a.index - b.index).map(({ relevance_score }) => relevance_score);
    };
    return inParts(documents, BATCH, work, options);
  }

  async tokenize(text: string): Promise<Token[]> {
    const { tokens } = await this.#server.json<{ tokens: { id: number; piece: string | number[] }[] }>('tokenize', {
      model: this.name,
      content: text,
      add_special: true,
      with_pieces: true,
    });
    return tokens.map(({ id, piece }) => ({ id, text: pieceText(piece) }));
  }

  async speed(signal?: AbortSignal): Promise<SpeedNumbers> {
    const response = await this.#server.ask('metrics', undefined, signal).catch((error: unknown) => {
      throw error instanceof ServerError && error.status === 501 ? new Error(t('noMetrics')) : error;
    });
    return numbersOf(await response.text(), this.name);
  }

  close(): void {}
}

/** An input as a request has it: a picture is a list of one part, with the file as a data URI. */
async function requestInput(input: PageInput): Promise<unknown> {
  if (typeof input === 'string') return input;
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(input);
  });
  return [{ type: 'image_url', image_url: { url } }];
}

/** Little-endian float32 in base64. */
function floats(base64: string): Float32Array {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}
