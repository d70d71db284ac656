/**
 * @file Opens what the user calls a model: a path, a URL, bytes, a Blob or a byte source of his own.
 */
import { type ByteSource, blobSource, memorySource, wholeSource } from '../gguf/index.ts';
import { filePath } from './platform.ts';

/** Where a model may come from. A string is a path. */
export type ModelSource = string | URL | Uint8Array | ArrayBuffer | Blob | ByteSource;

/**
 * Opens `source` for reading; gzipped models are unpacked, the parts of a split model (by the path of the first) joined.
 * The caller closes it.
 * @throws GgufError when a file cannot be opened, TypeError for something that is no source
 */
export async function openSource(source: ModelSource): Promise<ByteSource> {
  if (typeof source === 'string') return openPath(source);
  if (source instanceof URL) return openUrl(source);
  if (source instanceof Uint8Array) return wholeSource(memorySource(source));
  if (source instanceof ArrayBuffer) return wholeSource(memorySource(new Uint8Array(source)));
  if (source instanceof Blob) return wholeSource(blobSource(source));
  if (typeof source?.read === 'function' && typeof source.size === 'number') return source;
  throw new TypeError('a model must be a path, a URL, bytes, a Blob or a ByteSource');
}

async function openPath(path: string): Promise<ByteSource> {
  const { openModelFile } = await import('../gguf/file.node.ts');
  return openModelFile(path);
}

async function openUrl(url: URL): Promise<ByteSource> {
  if (url.protocol === 'file:') return openPath(filePath(url));
  throw new TypeError(`a model cannot be read from ${url.protocol} URLs: download it, or fetch it into a Blob`);
}
