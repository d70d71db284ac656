/**
 * @file Percent escapes of URLs, also of those that are none.
 */
import { describe, expect, it } from 'vitest';
import { unescapePart, unescapePath } from '../src/unescape.ts';

describe('escapes', () => {
  it.each([
    ['%2F%25', '/%'],
    ['%2F-%ff', '/-%ff'],
    ['100%25%20a%.gguf', '100% a%.gguf'],
    ['%e4%bd%a0%', '你%'],
  ])('of the part %s become %s', (text, expected) => {
    expect(unescapePart(text)).toBe(expected);
  });

  it('that separate parts stay in a path', () => {
    expect(unescapePath('/%41%2F%25%')).toBe('/A%2F%25%');
  });
});
