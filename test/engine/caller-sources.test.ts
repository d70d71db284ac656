/**
 * @file Sources of the caller that never answer, fail, or are no sources: loading ends with the reason, and keeps nothing. Imports the built
 * package by its own name, because Node 20 starts no workers from TypeScript.
 */
import { readFileSync } from 'node:fs';
import type { Worker } from 'node:worker_threads';
import { type ByteSource, Embedder, type ModelSource, openGguf, Reranker } from 'gguf-embed';
import { describe, expect, it, vi } from 'vitest';
import { fixture } from './support.ts';

const bytes = readFileSync(fixture('bert-mean'));
const source = (changes: object = {}): ByteSource => ({
  name: 'mine',
  size: bytes.length,
  async read(offset, into) {
    into.set(bytes.subarray(offset, offset + into.length));
  },
  async close() {},
  ...changes,
});
const never = () => new Promise<never>(() => {});
/** Answers until the weights are read. */
const onlyHeader = async (offset: number, into: Uint8Array) => {
  if (offset > bytes.length / 2) return never();
  return source().read(offset, into);
};
const places = [{ worker: false }, { worker: true, threads: 2 }, {}];

describe('a signal ends the load, though this never ends:', () => {
  it.each<[what: string, source: ModelSource]>([
    ['a read of the header', source({ read: never })],
    ['a read of the weights', source({ read: onlyHeader })],
    ['a Response', new Response(new ReadableStream({ start: (stream) => stream.enqueue(bytes.subarray(0, 99)) }))],
    ['getFile', { getFile: never }],
  ])('%s', async (_, source) => {
    const stop = new AbortController();
    const { signal } = stop;
    // A Response can be read only once.
    const loads = (source instanceof Response ? [{}] : places).map((place) =>
      Embedder.load(source, { backend: 'wasm', ...place, signal }).catch((error) => error),
    );
    setTimeout(() => stop.abort(new Error('stopped')), 300);
    for (const ended of await Promise.all(loads)) expect(ended).toBe(signal.reason);
  });
});

describe.each(places)('in %o', (place) => {
  const load = (source: ModelSource) => Embedder.load(source, { backend: 'wasm', ...place });

  it('the error of the source itself ends the load, whatever it is', async () => {
    const strange = Object.assign(new Error('mine'), { self: {} as object, symbol: Symbol('a') });
    strange.self = { strange: strange.self, of: { it: strange } };
    Object.assign(strange.self, { self: strange.self });
    const unreadable = Object.assign(Object.create(null), { message: 'mine' });
    for (const reason of [strange, unreadable, Symbol('mine'), undefined]) {
      const read = async (offset: number, into: Uint8Array) => {
        if (offset > bytes.length / 2) throw reason;
        return source().read(offset, into);
      };
      const caught = await load(source({ read })).then(
        () => 'loaded',
        (error) => [error],
      );
      expect(caught[0]).toBe(reason);
    }
  });

  it('a source that does not close fails the load, which then keeps no threads', async () => {
    const threads: Worker[] = [];
    const note = (worker: Worker) => void threads.push(worker);
    process.on('worker', note);
    const close = async () => {
      throw new Error('does not close');
    };
    await expect(load(source({ close }))).rejects.toThrow('does not close');
    await vi.waitFor(() => expect(threads.filter(({ threadId }) => threadId !== -1)).toEqual([]));
    process.off('worker', note);
    const read = async () => {
      throw new Error('does not read');
    };
    await expect(load(source({ close, read }))).rejects.toThrow('does not read');
  });

  it('says what a source must have', async () => {
    for (const changes of [
      { name: undefined },
      { name: Symbol('a') },
      { size: Number.NaN },
      { size: -1 },
      { close: 1 },
    ]) {
      await expect(load(source(changes))).rejects.toThrow(
        'a ByteSource must have a name, a size in bytes, read() and close()',
      );
    }
    await expect(openGguf(source({ size: Number.NaN }))).rejects.toThrow('openGguf takes a ByteSource');
    for (const file of [undefined, 5, 'a']) {
      await expect(load({ getFile: async () => file as never })).rejects.toThrow('getFile() must give a File');
    }
    for (const embedder of [undefined, 5, load(source())]) {
      expect(() => Reranker.from(embedder as never)).toThrow('Reranker.from takes an Embedder that is loaded');
    }
  });

  it('a buffer that becomes shorter meanwhile gives no zeros', async () => {
    const { length } = bytes;
    const buffer = new (ArrayBuffer as new (length: number, options: object) => ArrayBuffer)(length, {
      maxByteLength: length,
    });
    new Uint8Array(buffer).set(bytes);
    const loading = Embedder.load(buffer, {
      backend: 'wasm',
      ...place,
      onProgress: () => (buffer as unknown as { resize(length: number): void }).resize(length / 2),
    });
    await expect(loading).rejects.toThrow(`the file ends at byte ${length / 2}`);
  });
});
