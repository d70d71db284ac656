/**
 * @file Fetches a model from an address, with its progress.
 */
import { unescapePart } from '../../unescape.ts';
import { t } from '../words/words.ts';

/**
 * The URLs that an address means: itself, or the files of a model of the Hugging Face hub for `hf:user/repo:quant` or
 * `hf:user/repo/file.gguf`. A split model has several.
 * @param find looks a name up at the hub
 * @throws Error for another address, and what `find` throws
 */
export async function modelUrls(address: string, find: (name: string) => Promise<string[]>): Promise<URL[]> {
  if (/^hf:[^/\s]+\/[^/\s]+$/.test(address)) return (await find(address)).map((url) => new URL(url));
  const [, repo, file] = /^hf:([^/\s]+\/[^/\s]+)\/(\S+\.gguf)$/.exec(address) ?? [];
  const url = repo === undefined ? address : `https://huggingface.co/${repo}/resolve/main/${file}`;
  const isLocal = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/]/.test(url);
  if (!URL.canParse(url) || !(url.startsWith('https://') || isLocal)) throw new Error(t('badUrl'));
  return [new URL(url)];
}

/** The name of the file of a URL. */
export const fileName = (url: URL) => unescapePart(url.pathname.split('/').at(-1) || 'model.gguf');

/**
 * The bytes of a URL.
 * @param onProgress called with the bytes that have arrived and all bytes, 0 if unknown
 * @throws Error that says what to do
 */
export async function download(
  url: URL,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const failed = (why: string) => new Error(t('fetchFailed', { url: url.href, why }));
  const refuse = (error: Error) => {
    throw signal.aborted ? error : failed(error.message);
  };
  const response = await fetch(url, { signal }).catch(refuse);
  if (!response.ok || response.body === null) throw failed(`HTTP ${response.status}`);
  const total = Number(response.headers.get('content-length') ?? 0);
  let done = 0;
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        done += chunk.length;
        onProgress(done, total);
        controller.enqueue(chunk);
      },
    }),
  );
  return new Response(counted).blob().catch(refuse);
}
