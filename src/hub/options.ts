/**
 * @file Options for models that are given by name or URL.
 */
import type { FileKind } from './choose-files.ts';

/** How to find models by name or URL. Every option has a default. */
export interface HubOptions {
  /**
   * Token of an account, sent only to the origin of the endpoint. Default, except in browsers: `HF_TOKEN`, then the token file of
   * Hugging Face's tools.
   */
  readonly token?: string | undefined;
  /** Address of the hub. Default: `MODEL_ENDPOINT` or `HF_ENDPOINT`, else https://huggingface.co/. */
  readonly endpoint?: string | undefined;
  /** Exact path of the file in the repository, instead of a quant. */
  readonly file?: string | undefined;
  /** Folder of the cache. Default: the one that llama.cpp and huggingface_hub share. Browsers have no cache. */
  readonly cacheFolder?: string | undefined;
  /** Use only the cache and send no request. Default: `HF_HUB_OFFLINE`. */
  readonly offline?: boolean | undefined;
  /** Connections for one download. Default 4. */
  readonly connections?: number | undefined;
}

/** Listeners for a download. */
export interface HubEvents {
  readonly signal?: AbortSignal;
  /** Bytes stored so far, and the bytes of all files: `Infinity` while the server has not said it. */
  readonly onProgress?: (done: number, total: number) => void;
  /** One sentence for a log: a download, a wait, a fallback to the cache. */
  readonly onMessage?: (message: string) => void;
  /** Called before each request, which waits for it. */
  readonly onRequest?: () => Promise<void>;
}

/** How to find one file by name or URL. */
export interface FileRequest extends HubOptions, HubEvents {
  /** Which file of a repository. Default: the model. */
  readonly kind?: FileKind;
}

/** The default address of the hub. */
export const DEFAULT_ENDPOINT = 'https://huggingface.co/';
