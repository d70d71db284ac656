/**
 * @file Files that must be refused, and what the message says.
 */
import { describe, expect, test } from 'vitest';
import type { HeaderBuilder } from '../../src/gguf/header-builder.ts';
import { GgufError, memorySource, openGguf } from '../../src/gguf/index.ts';
import { type HandMade, handMade, putTensor } from './hand-made.ts';

async function refusal(made: HandMade | Uint8Array): Promise<GgufError> {
  const bytes = made instanceof Uint8Array ? made : handMade(made);
  const error = await openGguf(memorySource(bytes, 'f')).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(GgufError);
  return error as GgufError;
}

/** One pair with key `k`. */
const pair = (put: (builder: HeaderBuilder) => void) => (builder: HeaderBuilder) => {
  builder.string('k');
  put(builder);
};

const invalidUtf8 = Uint8Array.of(0x61, 0xff);

describe('header', () => {
  test.each<[string, HandMade | Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'f: at byte 0: the file is empty: the download may be incomplete'],
    [
      'another magic',
      { magic: 'GGML' },
      'f: at byte 0: not a GGUF file: it begins with 47 47 4d 4c, not with "GGUF" (47 47 55 46)',
    ],
    [
      'version 1',
      { version: 1 },
      'f: at byte 4: the GGUF version is 1, which is no longer supported: convert the model again; versions 2 and 3 are supported',
    ],
    [
      'version 1, big-endian',
      { version: 1, littleEndian: false },
      'f: at byte 4: the GGUF version is 1, which is no longer supported: convert the model again; versions 2 and 3 are supported',
    ],
    ['version 4', { version: 4 }, 'f: at byte 4: the GGUF version is 4; versions 2 and 3 are supported'],
    ['version 0', { version: 0 }, 'f: at byte 4: the GGUF version is 0; versions 2 and 3 are supported'],
    [
      'too many tensors',
      { nTensors: 2n ** 63n },
      'f: at byte 8: the number of tensors is 9223372036854775808; at most 65536 are allowed',
    ],
    [
      'more tensors than bytes',
      { nTensors: 60000 },
      'f: at byte 8: the number of tensors is 60000, but only 16 bytes follow',
    ],
    [
      'too many keys',
      { nKeys: 65537 },
      'f: at byte 16: the number of metadata keys is 65537; at most 65536 are allowed',
    ],
    ['more keys than bytes', { nKeys: 7 }, 'f: at byte 16: the number of metadata keys is 7, but only 8 bytes follow'],
  ])('%s', async (_, made, message) => {
    expect((await refusal(made)).message).toBe(message);
  });
});

describe('metadata', () => {
  test.each<[string, (builder: HeaderBuilder) => void, string]>([
    [
      'empty key',
      (b) => {
        b.string('');
        b.type('bool');
        b.scalar('bool', true);
      },
      'f: at byte 24: key 0 of 1 is empty',
    ],
    [
      'key that is not text',
      (b) => {
        b.string(invalidUtf8);
        b.type('bool');
        b.scalar('bool', true);
      },
      'f: at byte 24: key 0 of 1 is not UTF-8 text without zeros',
    ],
    [
      'endless key',
      (b) => {
        b.scalar('uint64', 70000);
        b.raw(new Uint8Array(8));
      },
      'f: at byte 24: the length of key 0 of 1 is 70000; at most 65535 bytes are allowed',
    ],
    [
      'unknown type',
      pair((b) => b.scalar('uint32', 13)),
      'f: key k at byte 33: the value type is 13; known types are 0 to 12',
    ],
    [
      'string beyond the end',
      pair((b) => {
        b.type('string');
        b.scalar('uint64', 1000);
      }),
      'f: key k at byte 37: the length of the string is 1000, but only 19 bytes are left in the file',
    ],
    [
      'string of 2 GB',
      pair((b) => {
        b.type('string');
        b.scalar('uint64', 2 ** 31);
      }),
      'f: key k at byte 37: the length of the string is 2147483648; at most 1073741824 bytes are allowed',
    ],
    [
      'array of unknown type',
      pair((b) => {
        b.type('array');
        b.scalar('uint32', 99);
        b.scalar('uint64', 0);
      }),
      'f: key k at byte 37: the type of the elements is 99; known types are 0 to 12',
    ],
    [
      'array beyond the end',
      pair((b) => {
        b.type('array');
        b.type('float32');
        b.scalar('uint64', 1000);
      }),
      'f: key k at byte 41: an array of 1000 float32 takes 4000 bytes, but only 15 are left in the file',
    ],
    [
      'array without limit',
      pair((b) => {
        b.type('array');
        b.type('int8');
        b.scalar('uint64', 2n ** 40n);
      }),
      'f: key k at byte 41: the length of the array is 1099511627776; at most 1073741824 elements are allowed',
    ],
    [
      'strings beyond the end',
      pair((b) => {
        b.type('array');
        b.type('string');
        b.scalar('uint64', 1000);
      }),
      'f: key k at byte 49: an array of 1000 strings does not fit in the 15 bytes left in the file',
    ],
    [
      'too many strings',
      pair((b) => {
        b.type('array');
        b.type('string');
        b.scalar('uint64', 2 ** 25);
      }),
      'f: key k at byte 49: an array of 33554432 strings; at most 16777216 are allowed',
    ],
    [
      'string of an array beyond the end',
      pair((b) => {
        b.type('array');
        b.type('string');
        b.scalar('uint64', 1);
        b.scalar('uint64', 9);
      }),
      'f: key k at byte 49: string 0 of 1 has the length 9, which extends past the end of the file',
    ],
    [
      'too many arrays in arrays',
      pair((b) => {
        b.type('array');
        b.type('array');
        b.scalar('uint64', 16385);
      }),
      'f: key k at byte 41: the file has more than 16384 nested arrays, the limit',
    ],
    [
      'arrays too deep',
      pair((b) => {
        b.type('array');
        for (let i = 0; i < 9; i++) {
          b.type('array');
          b.scalar('uint64', 1);
        }
      }),
      'f: key k at byte 125: arrays are nested more than 8 levels deep',
    ],
  ])('%s', async (_, pairs, message) => {
    expect((await refusal({ pairs })).message).toBe(message);
  });

  test('a key that is there twice', async () => {
    const pairs = (b: HeaderBuilder) => {
      for (const value of [1, 2]) {
        b.string('k');
        b.type('uint8');
        b.scalar('uint8', value);
      }
    };
    expect((await refusal({ pairs, nKeys: 2 })).message).toBe(
      'f: key k at byte 38: the key occurs twice; keys must be unique',
    );
  });

  test.each([0, 3, 48, 2 ** 21, 2 ** 31])('alignment %i', async (alignment) => {
    const pairs = (b: HeaderBuilder) => {
      b.string('general.alignment');
      b.type('uint32');
      b.scalar('uint32', alignment);
    };
    const message = `f: key general.alignment at byte 53: the alignment is ${alignment}; expected a power of two of at most 1048576`;
    expect((await refusal({ pairs })).message).toBe(message);
  });

  test('a value of another type than asked for', async () => {
    const pairs = pair((b) => {
      b.type('int32');
      b.scalar('int32', 1);
    });
    const { metadata } = await openGguf(memorySource(handMade({ pairs }), 'f'));
    expect(metadata.i32('k')).toBe(1);
    const expectError = (read: () => unknown, expected: string) =>
      expect(read).toThrow(`f: key k at byte 37: the value has the type int32; expected ${expected}`);
    expectError(() => metadata.u32('k'), 'uint32');
    expectError(() => metadata.u16('k'), 'uint16');
    expectError(() => metadata.f32('k'), 'float32');
    expectError(() => metadata.bool('k'), 'bool');
    expectError(() => metadata.string('k'), 'string');
    expectError(() => metadata.strings('k'), 'array');
    expect(metadata.u32('absent')).toBeUndefined();
  });

  test('an array of another type than asked for', async () => {
    const pairs = pair((b) => {
      b.type('array');
      b.type('string');
      b.scalar('uint64', 0);
    });
    const { metadata } = await openGguf(memorySource(handMade({ pairs }), 'f'));
    expect(() => metadata.numbers('k')).toThrow('the value has the type array of string; expected an array of numbers');
    expect(() => metadata.u32('k')).toThrow('the value has the type array of string; expected uint32');
  });
});

describe('tensors', () => {
  const tensor = (wrong: Parameters<typeof putTensor>[1]) => (b: HeaderBuilder) => putTensor(b, wrong);
  test.each<[string, Parameters<typeof putTensor>[1], string]>([
    [
      'name of 64 bytes',
      { name: 'x'.repeat(64) },
      'f: at byte 24: the length of the name of tensor 0 of 1 is 64; at most 63 bytes are allowed',
    ],
    [
      'name that is not text',
      { name: invalidUtf8 },
      'f: at byte 24: the name of tensor 0 is not UTF-8 text without zeros',
    ],
    ['name with a zero', { name: 'a\0' }, 'f: at byte 24: the name of tensor 0 is not UTF-8 text without zeros'],
    [
      'five dimensions',
      { shape: [1, 1, 1, 1, 1] },
      'f: tensor t at byte 33: it has 5 dimensions; at most 4 are allowed',
    ],
    [
      'negative dimension',
      { shape: [2n ** 64n - 1n] },
      'f: tensor t at byte 37: dimension 0 is 18446744073709551615; no tensor is that large',
    ],
    [
      'impossible shape',
      { shape: [2 ** 40, 2 ** 40] },
      'f: tensor t at byte 45: the shape [1099511627776, 1099511627776] is too large',
    ],
    ['removed type', { type: 4 }, 'f: tensor t at byte 45: the tensor type is 4, which is unknown or no longer in use'],
    [
      'unknown type',
      { type: 43 },
      'f: tensor t at byte 45: the tensor type is 43, which is unknown or no longer in use',
    ],
    [
      'half a block',
      { type: 8, shape: [48] },
      'f: tensor t at byte 33: rows of 48 values do not divide into Q8_0 blocks of 32',
    ],
    [
      'gap before the first',
      { offset: 32 },
      'f: tensor t at byte 49: the offset is 32; expected 0, because tensors are contiguous and aligned to 32 bytes',
    ],
    [
      'data beyond the end',
      { shape: [17] },
      'f: tensor t at byte 64: its 68 bytes of data (F32 [17]) extend past the end of the file at 128: the file is incomplete',
    ],
    [
      'data far beyond the end',
      { shape: [2 ** 50] },
      'f: tensor t at byte 64: its 4503599627370496 bytes of data (F32 [1125899906842624]) extend past the end of the file at 128: the file is incomplete',
    ],
  ])('%s', async (_, wrong, message) => {
    expect((await refusal({ tensors: tensor(wrong), data: 64 })).message).toBe(message);
  });

  test('a name that is there twice', async () => {
    const tensors = (b: HeaderBuilder) => {
      putTensor(b, {});
      putTensor(b, { offset: 32 });
    };
    const error = await refusal({ tensors, nTensors: 2, data: 64 });
    expect(error).toMatchObject({ tensor: 't', offset: 57 });
    expect(error.message).toBe('f: tensor t at byte 57: the tensor occurs twice; names must be unique');
  });

  test('tensors that overlap', async () => {
    const tensors = (b: HeaderBuilder) => {
      putTensor(b, { name: 'a' });
      putTensor(b, { name: 'b', offset: 0 });
    };
    expect((await refusal({ tensors, nTensors: 2, data: 64 })).message).toContain(
      'tensor b at byte 82: the offset is 0; expected 32',
    );
  });

  test('a range outside of a tensor', async () => {
    const file = await openGguf(memorySource(handMade({ tensors: tensor({}), data: 32 })));
    const info = file.tensors.get('t')!;
    await expect(file.readTensor(info, 8, new Uint8Array(9))).rejects.toThrow(
      'bytes 8 to 17 were requested, but the tensor has 16',
    );
    await expect(file.readTensor(info, -1, new Uint8Array(1))).rejects.toBeInstanceOf(GgufError);
  });
});

test('what is no source', async () => {
  for (const source of ['model.gguf', new Blob([]), undefined]) {
    await expect(openGguf(source as never)).rejects.toThrow('openGguf takes a ByteSource');
  }
});
