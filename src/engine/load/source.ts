/**
 * @file Opens the source of a model: a path, a URL, bytes, a Blob or the caller's own byte source.
 */
import { type ByteSource, blobSource, GgufError, memorySource, wholeSource } from '../../gguf/index.ts';
import type { FileRequest } from '../../hub/options.ts';
import { abortable } from '../abortable.ts';
import { filePath, hasFiles } from '../platform.ts';

/**
 * The source of a model. A string is a path, a `file:`, `http:` or `https:` URL, or the name of a model at the Hugging Face
 * hub: `hf:user/repo` or `hf:user/repo:quant`.
 */
export type ModelSource = string | URL | Uint8Array | ArrayBuffer | Blob | Answer | FileHandle | ByteSource;

/** A `Response`, whose body is read completely. */
interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly url: string;
  blob(): Promise<Blob>;
}

/** A file of the browser's own file system, a `FileSystemFileHandle`. */
interface FileHandle {
  getFile(): Promise<Blob>;
}

/** What `ModelSource` allows, for messages. */
export const MODEL_SOURCES = 'a path, a URL, bytes, a Blob, a Response, a FileSystemFileHandle or a ByteSource';

/** Bytes of a remote file to fetch at a time, in runtimes without files. */
const REMOTE_BLOCK_BYTES = 4 * 2 ** 20;

/**
 * Opens `source` for reading. Unpacks a gzipped model, and joins the parts of a split model (given by the path of the first).
 * Downloads a remote model into the cache first; in browsers, reads it by ranges. The caller closes it.
 * @throws GgufError if a file cannot be opened, HubError if a remote one is not available, TypeError if `source` is not a valid source
 */
export async function openSource(source: ModelSource, hub: FileRequest = {}): Promise<ByteSource> {
  if (typeof source === 'string') return isUrl(source) ? openUrl(new URL(source), hub) : openPath(source);
  // Checks tags, not classes, so that objects of another realm (Jest, `vm`, an iframe) work.
  switch (Object.prototype.toString.call(source)) {
    case '[object URL]':
      return openUrl(source as URL, hub);
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
  if (isByteSource(source)) return abortableSource(source, hub.signal);
  if (hasMethod(source, 'getFile')) return openHandle(source as FileHandle, hub.signal);
  if (hasMethod(source, 'blob')) return openAnswer(source as Answer, hub.signal);
  throw new TypeError(`a model must be ${MODEL_SOURCES}`);
}

/** Whether `openSource` knows what to do with a value. */
export function isModelSource(value: unknown): value is ModelSource {
  const source = value as ModelSource;
  return (
    typeof value === 'string' ||
    /^\[object (URL|Uint8Array|(Shared)?ArrayBuffer|Blob|File)\]$/.test(Object.prototype.toString.call(value)) ||
    isByteSource(source) ||
    hasMethod(source, 'getFile') ||
    hasMethod(source, 'blob')
  );
}

/** Whether a text is a URL and not a path: a Windows drive letter is not a scheme. */
function isUrl(text: string): boolean {
  return /^(?:file:|hf:|blob:|data:|[a-z][a-z\d+.-]+:\/\/)/i.test(text);
}

function isByteSource(source: ModelSource): source is ByteSource {
  const { read, size } = (source ?? {}) as Partial<ByteSource>;
  return typeof read === 'function' && typeof size === 'number';
}

function hasMethod(source: ModelSource, name: string): boolean {
  return typeof (source as unknown as Readonly<Record<string, unknown>> | undefined)?.[name] === 'function';
}

/** A source of the caller, whose reads may never end: they end with `signal`. */
function abortableSource(source: ByteSource, signal: AbortSignal | undefined): ByteSource {
  const { name, size, descriptor, onDemand } = source;
  if (typeof name !== 'string' || !(size >= 0) || typeof source.close !== 'function') {
    throw new TypeError('a ByteSource must have a name, a size in bytes, read() and close()');
  }
  return {
    name,
    size,
    descriptor,
    onDemand,
    read: async (offset, into) => abortable(Promise.resolve(source.read(offset, into)), signal),
    close: async () => source.close(),
  };
}

async function openHandle(handle: FileHandle, signal: AbortSignal | undefined): Promise<ByteSource> {
  const file: Partial<Blob> | undefined = await abortable(Promise.resolve(handle.getFile()), signal);
  if (typeof file?.arrayBuffer !== 'function') throw new TypeError('getFile() must give a File');
  return wholeSource(blobSource(file as Blob));
}

async function openAnswer(answer: Answer, signal: AbortSignal | undefined): Promise<ByteSource> {
  const { ok, status, url } = answer;
  if (!ok) throw new TypeError(`a model cannot be read from an answer with status ${status}${url && ` (${url})`}`);
  return wholeSource(blobSource(await abortable(answer.blob(), signal), url || 'answer'));
}

/** What may be a name at the hub without its `hf:`. */
const BARE_NAME = /^\w[\w.-]*\/\w[\w.-]*(?::[\w.-]+)?(?<!\.gguf(?:\.gz)?)$/i;

async function openPath(path: string): Promise<ByteSource> {
  if (path === '') throw new GgufError('the path of the model is empty');
  if (!hasFiles()) {
    const remedy = `pass a URL (new URL('model.gguf', location.href)), a Blob, or the name of a model at the hub (hf:user/repo)`;
    throw new GgufError(`this runtime reads no files by path: ${remedy}`, { source: path });
  }
  const { openModelFile } = await import('../../gguf/file.node.ts');
  return openModelFile(path).catch((error: Error & { readonly cause?: { readonly code?: string } }) => {
    if (error.cause?.code !== 'ENOENT' || !BARE_NAME.test(path)) throw error;
    const problem = `there is no such file; a model of the Hugging Face hub is named hf:${path}`;
    throw new GgufError(problem, { source: path, cause: error.cause });
  });
}

async function openUrl(url: URL, hub: FileRequest): Promise<ByteSource> {
  if (url.protocol === 'file:') return openPath(filePath(url));
  if (!['hf:', 'http:', 'https:'].includes(url.protocol)) {
    throw new TypeError(`a model cannot be loaded from a ${url.protocol} URL: download it, or fetch it into a Blob`);
  }
  if (!hasFiles()) return openRemotely(url, hub);
  const { findModel } = await import('../../hub/find-model.node.ts');
  return openPath(await findModel(url.href, hub));
}

/** Opens a remote model for reading by ranges. */
async function openRemotely(url: URL, hub: FileRequest): Promise<ByteSource> {
  const { connectionOf, openRemoteModel } = await import('../../hub/remote-model.ts');
  const where = { file: hub.file, kind: hub.kind, blockBytes: REMOTE_BLOCK_BYTES };
  const { source, openSibling } = await openRemoteModel(url.href, connectionOf(hub), where);
  return wholeSource(source, openSibling);
}
