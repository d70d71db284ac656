/**
 * @file Requests and answers below any framework: targets, headers, routes, and the Web's form of them.
 */
import { describe, expect, it } from 'vitest';
import { AnswerHeaders } from '../../../src/server/http/answer-headers.ts';
import { Application, type ApplicationOptions } from '../../../src/server/http/application.ts';
import { fetchWith } from '../../../src/server/http/fetch.ts';
import { pathOf, queryValue } from '../../../src/server/http/target.ts';

describe('targets', () => {
  it.each([
    ['/health', '/health'],
    ['/health?a=/b', '/health'],
    ['/health#a?b', '/health'],
    ['/he%61lth', '/health'],
    ['/a%2Fb%3Fc%25d', '/a%2Fb%3Fc%25d'],
    ['/%e4%bd%a0', '/你'],
    ['/%ff%41%zz', '/%ff%41%zz'],
    ['/%41%zz', '/A%zz'],
  ])('the path of %s is %s', (target, path) => {
    expect(pathOf(target)).toBe(path);
  });

  it.each<[string, string | undefined]>([
    ['/a', undefined],
    ['/a?b=1', undefined],
    ['/a?model', ''],
    ['/a?model=', ''],
    ['/a?b=1&model=x=y&model=z', 'x=y'],
    ['/a?mo%64el=x+y%2B%26', 'x y+&'],
    ['/a?models=1&model=2#&model=3', '2'],
    ['/a#?model=1', undefined],
    ['/a?model=%zz%41', '%zzA'],
  ])('model in %s is %j', (target, value) => {
    expect(queryValue(target, 'model')).toBe(value);
  });
});

describe('headers', () => {
  it('have names without case, in order, in the spelling of the last', () => {
    const headers = new AnswerHeaders();
    headers.set('vary', 'a');
    headers.append('Vary', 'b');
    headers.append('Server', 'x');
    headers.set('content-type', 'old');
    headers.set('Content-Type', 'new');
    expect(headers.entries()).toEqual([
      ['Content-Type', 'new'],
      ['Server', 'x'],
      ['Vary', 'a, b'],
    ]);
  });

  it.each(['a\r\nb: c', 'a\0', '你'])('refuse %j', (value) => {
    expect(() => new AnswerHeaders().set('X', value)).toThrow(TypeError);
  });
});

function application(options: Partial<ApplicationOptions> = {}) {
  const seen: [string | undefined, number][] = [];
  const app = new Application({
    prefix: '/p.q',
    middleware: [],
    onError: (error, exchange) => exchange.answer(String(error), 500),
    onAnswer: ({ route }, status) => seen.push([route, status]),
    ...options,
  });
  app.on('GET', '/a', (exchange) => exchange.answer('exact'));
  app.on('GET', '/a/:id', (exchange) => exchange.answer(`one ${exchange.param('id')}`));
  app.on('GET', '/b/:id+', (exchange) => exchange.answer(`many ${exchange.param('id')}`));
  app.on('POST', '/a', async (exchange) => {
    let text = '';
    await exchange.request.read((chunk) => {
      text += new TextDecoder().decode(chunk);
    });
    if (text === 'throw') throw new Error('thrown');
    return exchange.answer(text);
  });
  const fetch = fetchWith((request) => app.handle(request));
  const ask = async (path: string, init?: RequestInit) => {
    const response = await fetch(new Request(`http://host${path}`, init));
    return [response.status, await response.text()];
  };
  return { ask, seen };
}

describe('routes', () => {
  it.each<[string, number, string | undefined]>([
    ['/p.q/a', 200, 'exact'],
    ['/p.q/a?b', 200, 'exact'],
    ['/p.q/a/b%2Fc', 200, 'one b/c'],
    ['/p.q/a/b/c', 404, undefined],
    ['/p.q/a/', 404, undefined],
    ['/p.q/b/c/d', 200, 'many c/d'],
    ['/p.q/b/', 404, undefined],
    ['/pxq/a', 404, undefined],
    ['/pxq/a/b', 404, undefined],
    ['/a', 404, undefined],
  ])('GET %s: %d %s', async (path, status, text) => {
    const [got, body] = await application().ask(path);
    expect(got).toBe(status);
    if (text !== undefined) expect(body).toBe(text);
  });

  it('HEAD has the routes of GET and no body; other methods have their own', async () => {
    const { ask } = application();
    expect(await ask('/p.q/a', { method: 'HEAD' })).toEqual([200, '']);
    expect(await ask('/p.q/a', { method: 'POST', body: 'text' })).toEqual([200, 'text']);
    expect((await ask('/p.q/a', { method: 'PUT' }))[0]).toBe(404);
  });

  it('errors become answers, also those of middleware; the first middleware that answers ends', async () => {
    const { ask, seen } = application();
    expect(await ask('/p.q/a', { method: 'POST', body: 'throw' })).toEqual([500, 'Error: thrown']);
    expect(seen).toEqual([['/a', 500]]);
    const fail = () => {
      throw new Error('early');
    };
    expect(await application({ middleware: [fail] }).ask('/p.q/a')).toEqual([500, 'Error: early']);
    const first = application({
      middleware: [async () => undefined, (exchange) => exchange.answer('first', 418), fail],
    });
    expect(await first.ask('/p.q/a')).toEqual([418, 'first']);
    expect(first.seen).toEqual([[undefined, 418]]);
  });
});
