/**
 * @file `embed --jsonl` with objects: each answer is the object again, with its vector.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldsOfJson, jsonOf } from '../../src/cli/bulk/record.ts';
import { convertVector } from '../../src/engine/outputs/output-dtypes.ts';
import { model, run } from './run.ts';
import { temporaryFolder } from './temporary.ts';

const folder = temporaryFolder();
const bert = ['embed', '-m', model('bert-mean'), '--jsonl'];

async function answers(lines: readonly string[], ...args: string[]) {
  const result = await run([...bert, ...args], { input: lines.map((line) => `${line}\n`).join('') });
  return { ...result, lines: result.stdout.split('\n').slice(0, -1) };
}

describe('a record', () => {
  it('comes back with the vector of its text, and with its own fields as they were written', async () => {
    const record = '{"id":12345678901234567890,"text":"a text","score":1.50,"tags":["x",{"y":"}"}],"none":null}';
    const { lines, stderr, code } = await answers(['"a text"', record]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(lines[1]).toBe(`${record.slice(0, -1)},"embedding":${lines[0]},"n_tokens":7,"truncated":false}`);
  });

  it('can have its text in another field, and leave fields out', async () => {
    const record = '{"id":1,"text":7,"body":"a text","embedding":"old","n_tokens":"old"}';
    const { lines } = await answers([record, '"a text"'], '--text-field', 'body', '--fields', 'id,text,embedding');
    expect(JSON.parse(lines[0])).toEqual({
      id: 1,
      text: 7,
      embedding: JSON.parse(lines[1]),
      n_tokens: 7,
      truncated: false,
    });
    const none = await answers([record], '--text-field', 'body', '--fields=');
    expect(Object.keys(JSON.parse(none.lines[0]))).toEqual(['embedding', 'n_tokens', 'truncated']);
  });

  it('says that it was cut', async () => {
    const { lines, stderr } = await answers([JSON.stringify({ text: 'word '.repeat(600) })], '--truncate', 'end');
    expect(JSON.parse(lines[0])).toMatchObject({ n_tokens: 512, truncated: true });
    expect(stderr).toBe('line 1 was cut to the context\n');
  });

  it.each([
    ['{"id":1}', 'has no field "text" (its fields: "id"): name the one with the text with --text-field'],
    ['{}', 'has no field "text" (its fields: none)'],
    ['{"text":null}', 'has a field "text" that is not a text: it is null'],
    ['{"text":["a"]}', 'has a field "text" that is not a text: it is a list'],
    ['{"text":5}', 'has a field "text" that is not a text: it is of the type number'],
    ['{"text":"a\\ud83d"}', 'has half of a surrogate pair at character 1'],
    [JSON.stringify({ text: 'word '.repeat(600) }), 'is too large: it has'],
  ])('is refused by its line: %s', async (line, problem) => {
    const stopped = await answers(['"a"', line]);
    expect(stopped.code).toBe(1);
    expect(stopped.lines).toHaveLength(1);
    expect(stopped.stderr).toContain(`line 2 ${problem}`);
    const skipped = await answers(['"a"', line, '"b"'], '--on-error', 'skip');
    expect(skipped.lines).toHaveLength(3);
    expect(skipped.lines[1]).toBe('null');
  });
});

it('--output-dtype gives the types of the server, for strings and for records', async () => {
  const [float] = (await answers(['"a text"'])).lines;
  const vector = Float32Array.from(JSON.parse(float) as number[]);
  for (const dtype of ['int8', 'uint8', 'binary', 'ubinary'] as const) {
    const { lines } = await answers(['"a text"', '{"text":"a text"}'], '--output-dtype', dtype);
    const expected = Array.from(convertVector(vector, dtype));
    expect(JSON.parse(lines[0])).toEqual(expected);
    expect(JSON.parse(lines[1]).embedding).toEqual(expected);
  }
});

it('--dimensions cuts the vectors of records', async () => {
  const { lines } = await answers(['{"text":"a text"}'], '--dimensions', '8');
  expect(JSON.parse(lines[0]).embedding).toHaveLength(8);
});

describe('--prompt-name', () => {
  const prompts = folder.write('prompts.json', JSON.stringify({ query: 'query: ', other: 'x' }));

  it('puts the prompt before texts and records, not before token ids', async () => {
    const given = await answers(
      ['"a text"', '{"text":"a text"}', '[101,102]'],
      '--prompts',
      prompts,
      '--prompt-name=query',
    );
    const written = await answers(['"query: a text"', '[101,102]']);
    expect(given.lines[0]).toBe(written.lines[0]);
    expect(JSON.parse(given.lines[1])).toMatchObject({ text: 'a text', embedding: JSON.parse(written.lines[0]) });
    expect(given.lines[2]).toBe(written.lines[1]);
  });

  it('works without --jsonl, too', async () => {
    const array = ['embed', '-m', model('bert-mean'), '--embd-output-format', 'array', '-p'];
    const given = await run([...array, 'a text', '--prompts', prompts, '--prompt-name', 'query']);
    expect(given.stdout).toBe((await run([...array, 'query: a text'])).stdout);
  });

  it('names the prompts that there are', async () => {
    const { code, stderr } = await answers(['"a"'], '--prompts', prompts, '--prompt-name', 'document');
    expect(code).toBe(1);
    expect(stderr).toBe(
      'error: there is no prompt "document" (known: query, other; give others with --prompts FILE)\n',
    );
  });
});

describe('the fields of an object', () => {
  it('are those of JSON.parse, and the text of each value is the one of the input', () => {
    const spaces = fc.constantFrom('', ' ', '\n\t');
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), spaces, (object, space) => {
        const members = Object.entries(object).map(
          ([name, value]) => `${space}${JSON.stringify(name)}${space}:${space}${JSON.stringify(value)}${space}`,
        );
        const fields = fieldsOfJson(`${space}{${space}${members.join(',')}}${space}`);
        expect([...fields.keys()].toSorted()).toEqual(Object.keys(object).toSorted());
        for (const [name, field] of fields) {
          const text = JSON.stringify(object[name]);
          expect(field.value).toEqual(JSON.parse(text));
          expect(jsonOf(field)).toBe(text);
        }
      }),
    );
  });
});
