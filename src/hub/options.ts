/**
 * @file What a caller may choose about the hub.
 */

/** How models are found by name or URL. Everything has a default. */
export interface HubOptions {
  /**
   * Token of an account, sent to the endpoint's origin alone. Default, but in browsers: `HF_TOKEN`, then the file that a
   * login of Hugging Face's tools has left.
   */
  readonly token?: string;
  /** Address of the hub. Default: `MODEL_ENDPOINT` or `HF_ENDPOINT`, else https://huggingface.co/. */
  readonly endpoint?: string;
  /** Exact path of the file in the repository, instead of a quant. */
  readonly file?: string;
  /** Folder of the cache. Default: the one that llama.cpp and huggingface_hub share. Browsers keep nothing. */
  readonly cacheFolder?: string;
  /** Use what is in the cache and send no request. Default: `HF_HUB_OFFLINE`. */
  readonly offline?: boolean;
  /** Connections for one download. Default 4. */
  readonly connections?: number;
}

/** Events while a model is fetched. */
export interface HubEvents {
  readonly signal?: AbortSignal;
  /** Bytes that are stored so far, and those of all files together: `Infinity` while the server does not say it. */
  readonly onProgress?: (done: number, total: number) => void;
  /** One sentence for a log: a file that is downloaded, a wait, a fallback to the cache. */
  readonly onMessage?: (message: string) => void;
}

/** The default address of the hub. */
export const DEFAULT_ENDPOINT = 'https://huggingface.co/';
