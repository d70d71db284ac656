/**
 * @file Opens what the user calls a model: a path, a URL, bytes, a Blob or a byte source of his own.
 */
import { type ByteSource, blobSource, memorySource, wholeSource } from '../gguf/index.ts';
import { filePath } from './platform.ts';

/** Where a model may come from. A string is a path or a `file:` URL. */
export type ModelSource = string | URL | Uint8Array | ArrayBuffer | Blob | ByteSource;

/**
 * Opens `source` for reading; gzipped models are unpacked, the parts of a split model (by the path of the first) joined.
 * The caller closes it.
 * @throws GgufError when a file cannot be opened, TypeError for something that is no source
 */
export async function openSource(source: ModelSource): Promise<ByteSource> {
  if (typeof source === 'string') return isUrl(source) ? openUrl(new URL(source)) : openPath(source);
  // By their tags, not by their classes: objects of another realm (Jest, `vm`, an iframe) are as good.
  switch (Object.prototype.toString.call(source)) {
    case '[object URL]':
      return openUrl(source as URL);
    case '[object Uint8Array]': {
      const { buffer, byteOffset, byteLength } = source as Uint8Array;
      return wholeSource(memorySource(new Uint8Array(buffer, byteOffset, byteLength)));
    }
    case '[object ArrayBuffer]':
    case '[object SharedArrayBuffer]':
      return wholeSource(memorySource(new Uint8Array(source as ArrayBuffer)));
    case '[object Blob]':
    case '[object File]':
      return wholeSource(blobSource(source as Blob));
  }
  if (isByteSource(source)) return source;
  throw new TypeError('a model must be a path, a URL, bytes, a Blob or a ByteSource');
}

/** Whether a text is a URL and no path: Windows' drive letters are no schemes. */
function isUrl(text: string): boolean {
  return /^(?:file:|[a-z][a-z\d+.-]+:\/\/)/i.test(text);
}

function isByteSource(source: ModelSource): source is ByteSource {
  const { read, size } = (source ?? {}) as Partial<ByteSource>;
  return typeof read === 'function' && typeof size === 'number';
}

async function openPath(path: string): Promise<ByteSource> {
  const { openModelFile } = await import('../gguf/file.node.ts');
  return openModelFile(path);
}

async function openUrl(url: URL): Promise<ByteSource> {
  if (url.protocol === 'file:') return openPath(filePath(url));
  throw new TypeError(`a model cannot be read from ${url.protocol} URLs: download it, or fetch it into a Blob`);
}
