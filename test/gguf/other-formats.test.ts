/**
 * @file Files that are no GGUF say what they are, and what to do.
 */
import { zipSync } from 'fflate';
import { expect, test } from 'vitest';
import { memorySource, openGguf } from '../../src/gguf/index.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const bytes = (...values: number[]) => Uint8Array.from([...values, ...new Array(60).fill(1)]);
const safetensors = (header: string) => {
  const head = new Uint8Array(8);
  new DataView(head.buffer).setBigUint64(0, BigInt(header.length), true);
  return Uint8Array.from([...head, ...utf8(header), 0, 0, 0, 0]);
};

test.each<[string, Uint8Array, RegExp]>([
  [
    'a Git LFS pointer',
    utf8('version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n'),
    /a Git LFS pointer.*git lfs pull/,
  ],
  ['a web page', utf8('<!doctype html>\n<html lang="en">'), /a web page.*download the file again/],
  ['an old web page', utf8('\n<HTML><HEAD><TITLE>404'), /a web page/],
  ['an XML error', utf8('<?xml version="1.0"?><Error><Code>AccessDenied</Code>'), /a web page/],
  [
    'safetensors',
    safetensors('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'),
    /a safetensors file: convert the folder/,
  ],
  ['empty safetensors', safetensors('{}'), /a safetensors file/],
  ['PyTorch', zipSync({ 'archive/data.pkl': utf8('x') }), /a zip archive, probably from PyTorch/],
  ['a pickle', bytes(0x80, 2, 0x7d), /a pickle from an old version of PyTorch/],
  ['ggml', bytes(0x6c, 0x6d, 0x67, 0x67), /a ggml file from before GGUF/],
  ['ggmf', bytes(0x66, 0x6d, 0x67, 0x67), /a ggml file from before GGUF/],
  ['ggjt', bytes(0x74, 0x6a, 0x67, 0x67), /a ggml file from before GGUF/],
  ['zstd', bytes(0x28, 0xb5, 0x2f, 0xfd), /packed with zstd: unpack it/],
  ['xz', bytes(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0), /packed with xz/],
  ['zeros', new Uint8Array(4096), /all zeros: the download may be incomplete/],
  ['JSON', utf8('{"error":"Repository not found"}'), /JSON text/],
  ['a message', utf8('Entry not found'), /not a GGUF file: it is text/],
  ['anything else', bytes(1, 2, 3, 4), /it begins with 01 02 03 04, not with "GGUF"/],
])('%s', async (_, content, message) => {
  const opening = openGguf(memorySource(content, 'model.gguf'));
  await expect(opening).rejects.toThrow(/^model\.gguf: at byte 0: not a GGUF file: /);
  await expect(opening).rejects.toThrow(message);
});

test('an empty file', async () => {
  await expect(openGguf(memorySource(new Uint8Array(0), 'm'))).rejects.toThrow('the file is empty: the download');
});
