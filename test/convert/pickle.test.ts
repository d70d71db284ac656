/**
 * @file Pickles: plain data comes out, code never runs, and any bytes end in a value or a ConvertError.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PickleCall, PickleGlobal, readPickle } from '../../src/convert/checkpoint/pickle.ts';
import { ConvertError } from '../../src/convert/conversion-error.ts';

/** Bytes of a pickle written down as text, where `\x` escapes are single bytes. */
const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const read = (text: string) => readPickle(bytes(text), 'f');

describe('plain data', () => {
  test.each<[string, string, unknown]>([
    ['None', 'N.', null],
    ['booleans', '\x88\x89\x86.', [true, false]],
    ['small integers', 'K\x07M\x01\x02J\xff\xff\xff\xff\x87.', [7, 513, -1]],
    ['a long of 9 bytes', '\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01.', 2n ** 64n],
    ['a negative long', '\x8a\x01\xfe.', -2],
    ['a float', 'G\x3f\xf8\x00\x00\x00\x00\x00\x00.', 1.5],
    ['texts', 'X\x01\x00\x00\x00a\x8c\x02\xc3\xa9\x86.', ['a', 'é']],
    ['a list', '](K\x01K\x02e.', [1, 2]],
    ['a tuple after a mark', '(K\x01K\x02K\x03K\x04t.', [1, 2, 3, 4]],
    ['what is remembered', 'K\x05q\x000h\x00h\x00\x86.', [5, 5]],
    ['what is remembered by its turn', '\x8c\x01x\x94\x8c\x01y\x94h\x01\x86.', ['y', 'y']],
  ])('%s', (_, text, value) => {
    expect(read(text)).toEqual(value);
  });

  test('dicts keep their order', () => {
    const ordered = read('\x80\x02ccollections\nOrderedDict\n)R(X\x01\x00\x00\x00bK\x01X\x01\x00\x00\x00aK\x02u.');
    expect(ordered).toEqual(
      new Map([
        ['b', 1],
        ['a', 2],
      ]),
    );
    expect(read('}K\x01K\x02s.')).toEqual(new Map([[1, 2]]));
  });
});

test('a call is described, not made', () => {
  const value = read('cos\nsystem\nX\x04\x00\x00\x00exit\x85R.');
  expect(value).toBeInstanceOf(PickleCall);
  expect((value as PickleCall).callee).toEqual(new PickleGlobal('os', 'system'));
  expect((value as PickleCall).args).toEqual(['exit']);
});

test.each([
  ['', 'f: byte 0 of the pickle: the pickle is truncated'],
  ['K', 'f: byte 1 of the pickle: the pickle is truncated'],
  ['.', 'f: byte 1 of the pickle: the stack is empty'],
  ['X\xff\xff\xff\xff.', 'f: byte 5 of the pickle: the pickle is truncated'],
  ['i', 'f: byte 0 of the pickle: the opcode 105 ("i") does not occur in checkpoints'],
  ['h\x05.', 'f: byte 2 of the pickle: the memo has no entry 5'],
  ['t.', 'f: byte 1 of the pickle: a mark is missing'],
  ['K\x01K\x02s.', 'f: byte 5 of the pickle: the stack is empty'],
  ['NK\x01K\x02s.', 'f: byte 6 of the pickle: expected a dict'],
  ['K\x01)R.', 'f: byte 4 of the pickle: a call of an object without a name'],
])('%j is refused', (text, message) => {
  expect(() => read(text)).toThrow(new ConvertError(message.replace(/^f: /, ''), 'f'));
});

test('any bytes end', () => {
  const opcode = fc.constantFrom(
    ...'()0BCGJKMNQRX]bacehjqrstu}.'.split('').map((c) => c.charCodeAt(0)),
    0x81,
    0x85,
    0x86,
    0x87,
    0x88,
    0x8a,
    0x8c,
    0x93,
    0x94,
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(opcode, fc.nat({ max: 255 })), { maxLength: 60 }), (list) => {
      try {
        readPickle(Uint8Array.from(list), 'f');
      } catch (error) {
        expect(error).toBeInstanceOf(ConvertError);
      }
    }),
    { numRuns: 5000 },
  );
});
