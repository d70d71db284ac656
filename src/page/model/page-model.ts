/**
 * @file What the views need of a model, wherever it computes.
 */

import type { TraceTables } from '../../layout/trace-tables.ts';
import type { SpeedNumbers } from '../speed/numbers.ts';

/** A token of a text. */
export interface Token {
  readonly id: number;
  readonly text: string;
}

/** What is shown of a trace. */
export interface TextTrace extends TraceTables {
  readonly tokens: readonly Token[];
  /** The backend that computed it. */
  readonly backend: string;
  readonly pooling: string;
  readonly vector: Float32Array;
}

/** A text, or the file of a picture. */
export type PageInput = string | Blob;

/** Options of the longer calls. */
export interface WorkOptions {
  readonly signal?: AbortSignal;
  /** Called with the number of texts that are done. */
  readonly onProgress?: (done: number) => void;
}

/** A request that can be repeated outside of the page. */
export interface ApiRequest {
  /** Below the address of the server: `v1/embeddings`. */
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A model that the page can use. */
export interface PageModel {
  readonly name: string;
  /** Where it computes, for people. */
  readonly where: string;
  /** Values of a vector; `undefined` if only the first answer will tell. */
  readonly dimensions: number | undefined;
  /** It scores pairs of texts and gives no vectors. */
  readonly isReranker: boolean;
  /** It has a vision tower, and embeds pictures, too. */
  readonly takesImages: boolean;
  /** One vector of length 1 for each input. */
  embed(inputs: readonly PageInput[], options?: WorkOptions): Promise<Float32Array[]>;
  /** A score for each document, higher for a better answer to the query. Only rerankers have scores. */
  rank(query: string, documents: readonly string[], options?: WorkOptions): Promise<number[]>;
  /**
   * What the model computes of a text, step by step; `undefined` for a model that does not tell.
   * @param isComplete every step, by the slow reference backend; else those that the model's own backend holds in memory
   */
  trace?(text: string, isComplete: boolean): Promise<TextTrace>;
  /** The tokens of a text, special ones included. */
  tokenize(text: string): Promise<Token[]>;
  /**
   * What was computed since the start of the model or its server.
   * @throws Error that says what to do
   */
  speed(signal?: AbortSignal): Promise<SpeedNumbers>;
  /** Gives the memory back. */
  close(): void;
}

/**
 * Works on items part by part, so that an abort ends the work after the current part.
 * @throws what `work` throws, the signal's reason
 */
export async function inParts<Item, Result>(
  items: readonly Item[],
  size: number,
  work: (part: readonly Item[]) => Promise<readonly Result[]>,
  { signal, onProgress }: WorkOptions = {},
): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += size) {
    signal?.throwIfAborted();
    results.push(...(await work(items.slice(at, at + size))));
    onProgress?.(results.length);
  }
  return results;
}

/** The text of the bytes of a token; bytes that are no text become U+FFFD. */
export function pieceText(piece: string | readonly number[] | Uint8Array): string {
  return typeof piece === 'string' ? piece : new TextDecoder().decode(Uint8Array.from(piece));
}
