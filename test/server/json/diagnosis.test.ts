import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diagnoseJson } from '../../../src/server/json/diagnosis.ts';
import { type HttpCase, httpServers } from '../http-fixture.ts';

const bytesOf = ({ body, body_base64 }: HttpCase) =>
  body_base64 === undefined ? new TextEncoder().encode(body ?? '') : Buffer.from(body_base64, 'base64');

describe('diagnoseJson', () => {
  const cases = Object.values(httpServers).flatMap(({ cases }) => cases);
  const broken = cases.filter(({ response_text }) => response_text?.includes('parse_error'));

  it('says of every recorded broken body what llama-server says', () => {
    expect(broken.length).toBeGreaterThan(10);
    for (const recorded of broken) {
      const { message } = JSON.parse(recorded.response_text!).error;
      expect(diagnoseJson(bytesOf(recorded)), recorded.body).toBe(message);
    }
  });

  it('finds nothing wrong with JSON', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(diagnoseJson(new TextEncoder().encode(text))).toBeUndefined();
      }),
    );
    for (const text of ['1', '-0.5e+10', '"\\ud83d\\ude00 ü\\n"', ' [ 1 , {} , [] , {"a":null} ] ', '\ufefftrue']) {
      expect(diagnoseJson(new TextEncoder().encode(text)), text).toBeUndefined();
    }
  });

  it('agrees with JSON.parse on what is wrong, except for lone surrogates', () => {
    const alphabet = [...'{}[]:,"\\u0dDe1.-+ \ntrfalsn', '\u0001', 'é'];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...alphabet), { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        const diagnosis = diagnoseJson(new TextEncoder().encode(text));
        if (!diagnosis?.includes('surrogate')) expect(diagnosis === undefined, text).toBe(valid);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['{"a":1,}', "column 8: syntax error while parsing object key - unexpected '}'; expected string literal"],
    ['{"a":1]', "column 7: syntax error while parsing object - unexpected ']'; expected '}'"],
    ['[1 2]', "column 4: syntax error while parsing array - unexpected number literal; expected ']'"],
    ['{"a" 1}', "column 6: syntax error while parsing object separator - unexpected number literal; expected ':'"],
    ...['[', '[1,', '{"a":', ' '].map((text): [string, string] => [
      text,
      "syntax error while parsing value - unexpected end of input; expected '[', '{', or a literal",
    ]),
    ['[,]', "column 2: syntax error while parsing value - unexpected ','; expected '[', '{', or a literal"],
    [
      '\n\n[tru]',
      "line 3, column 5: syntax error while parsing value - invalid literal; last read: '<U+000A><U+000A>[tru]'",
    ],
    ['"a\tb"', "control character U+0009 (HT) must be escaped to \\u0009 or \\t; last read: '\"a<U+0009>'"],
    ['"a\nb"', 'line 2, column 0: syntax error while parsing value - invalid string: control character U+000A (LF)'],
    ['[1.]', "invalid number; expected digit after '.'; last read: '1.]'"],
    ['"\\x"', 'invalid string: forbidden character after backslash'],
    ['"\\udc00"', 'surrogate U+DC00..U+DFFF must follow U+D800..U+DBFF'],
    ['"abc', 'invalid string: missing closing quote'],
  ])('names the place: %j', (text, expected) => {
    expect(diagnoseJson(new TextEncoder().encode(text))).toContain(expected);
  });

  it('does not fall over deep nesting', () => {
    expect(diagnoseJson(new TextEncoder().encode('['.repeat(1_000_000)))).toContain('unexpected end of input');
  });
});
