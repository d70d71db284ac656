/**
 * @file The page of `embed --html`: principal axes, the order by clusters, and the page in Chromium.
 */
import { describe, expect, it } from 'vitest';
import { MAX_CLUSTERED, type TextMapData, textMapData } from '../../src/audit/text-map/data.ts';
import { textMapPage } from '../../src/audit/text-map/page.ts';
import { clusterOrder } from '../../src/layout/cluster-order.ts';
import { principalAxes } from '../../src/layout/principal-axes.ts';
import { describeBrowser } from '../browser.ts';
import { random as seeded } from '../random.ts';
import { schemeFlags, visitReport } from './support.ts';

const random = seeded(5);
const gaussian = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const cloud = (n: number, spread: readonly number[]) =>
  Array.from({ length: n }, () => Float32Array.from(spread, (size) => size * gaussian()));

/** All axes by plain power iteration on the covariance, with deflation, until nothing changes. */
function slowAxes(vectors: readonly Float32Array[], k: number): number[][] {
  const [n, size] = [vectors.length, vectors[0].length];
  const mean = Array.from({ length: size }, (_, j) => vectors.reduce((sum, v) => sum + v[j], 0) / n);
  const rows = vectors.map((v) => Array.from(v, (value, j) => value - mean[j]));
  const covariance = mean.map((_, a) => mean.map((_, b) => rows.reduce((sum, row) => sum + row[a] * row[b], 0)));
  const projected: number[][] = [];
  for (let axis = 0; axis < k; axis++) {
    let direction = mean.map(() => gaussian());
    for (let step = 0; step < 20_000; step++) {
      const next = covariance.map((row) => row.reduce((sum, value, j) => sum + value * direction[j], 0));
      const norm = Math.hypot(...next);
      direction = next.map((value) => value / norm);
    }
    const along = rows.map((row) => row.reduce((sum, value, j) => sum + value * direction[j], 0));
    const sum = along.reduce((total, value) => total + value * value, 0);
    for (const [a, row] of covariance.entries()) {
      for (let b = 0; b < size; b++) row[b] -= sum * direction[a] * direction[b];
    }
    const largest = along.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best));
    projected.push(along.map((value) => value * Math.sign(largest)));
  }
  return projected;
}

describe('principal axes', () => {
  it('are those of power iterations, also where axes are nearly as long', () => {
    for (const spread of [
      [5, 3, 2, 1, 1],
      [3, 2.9, 2.8, 1, 0.1],
    ]) {
      const vectors = cloud(40, spread);
      const { coordinates, variance } = principalAxes(vectors, 2);
      const [x, y] = slowAxes(vectors, 2);
      for (let i = 0; i < 40; i++) {
        expect(coordinates[2 * i]).toBeCloseTo(x[i], 7);
        expect(coordinates[2 * i + 1]).toBeCloseTo(y[i], 7);
      }
      expect(variance[0]).toBeGreaterThanOrEqual(variance[1]);
    }
  });

  it('keep all distances between points of a plane, wherever the plane is', () => {
    const plane = cloud(30, [2, 1]);
    const [a, b] = cloud(2, Array(50).fill(1));
    const vectors = plane.map(([x, y]) => a.map((value, j) => x * value + y * b[j] + 7));
    const { coordinates, variance } = principalAxes(vectors, 2);
    expect(variance[0] + variance[1]).toBeCloseTo(1, 9);
    for (let i = 1; i < 30; i++) {
      const there = Math.hypot(coordinates[2 * i] - coordinates[0], coordinates[2 * i + 1] - coordinates[1]);
      expect(there).toBeCloseTo(Math.hypot(...vectors[i].map((value, j) => value - vectors[0][j])), 4);
    }
  });

  it('find both axes of three texts that are equally far apart', () => {
    const { coordinates, variance } = principalAxes(
      [0, 1, 2].map((i) => Float32Array.from([0, 1, 2], (j) => Number(i === j))),
      2,
    );
    expect(variance.map((part) => part.toFixed(9))).toEqual(['0.500000000', '0.500000000']);
    for (let i = 0; i < 3; i++) {
      const next = (i + 1) % 3;
      const [x, y] = [0, 1].map((axis) => coordinates[2 * i + axis] - coordinates[2 * next + axis]);
      expect(Math.hypot(x, y)).toBeCloseTo(Math.SQRT2, 9);
    }
  });

  it('of texts that are all alike are points at zero', () => {
    const { coordinates, variance } = principalAxes(
      [1, 1, 1].map(() => Float32Array.of(0.25, 0.5)),
      2,
    );
    expect([...coordinates, ...variance]).toEqual(Array(8).fill(0));
    expect(principalAxes([Float32Array.of(1), Float32Array.of(3)], 2).variance).toEqual([1, 0]);
    // Their mean is the vector itself, whatever their number is.
    const many = Array.from({ length: 50 }, () => Float32Array.of(0.1, -0.7, 0.3));
    expect(principalAxes(many, 2).variance).toEqual([0, 0]);
  });
});

describe('the order by clusters', () => {
  it('puts texts of a cluster beside each other', () => {
    const centres = cloud(7, Array(16).fill(1));
    const vectors = Array.from({ length: 210 }, (_, i) => {
      const vector = centres[i % 7].map((value) => value + 0.1 * gaussian());
      return vector.map((value) => value / Math.hypot(...vector));
    });
    const order = clusterOrder(vectors);
    expect(order.toSorted((a, b) => a - b)).toEqual(vectors.map((_, i) => i));
    expect(order.filter((index, at) => at > 0 && index % 7 !== order[at - 1] % 7)).toHaveLength(6);
  });

  it('turns what it joins, so that a line of texts stays a line', () => {
    const angles = [7, 2, 9, 0, 4, 1, 8, 3, 6, 5];
    const order = clusterOrder(angles.map((a) => Float32Array.of(Math.cos(a / 10), Math.sin(a / 10))));
    const line = order.map((i) => angles[i]).join('');
    expect(['0123456789', '9876543210']).toContain(line);
  });

  it('of one text, of none, and of equal ones', () => {
    expect(clusterOrder([])).toEqual([]);
    expect(clusterOrder([Float32Array.of(1)])).toEqual([0]);
    expect(clusterOrder([1, 1, 1, 1].map((x) => Float32Array.of(x))).toSorted()).toEqual([0, 1, 2, 3]);
  });
});

const texts = ['a cat', 'a dog </script><b>', 'interest rates', 'the bank'];
const vectors = [
  [1, 0.2, 0],
  [1, -0.1, 0],
  [0, 0.1, 2],
  [0, 0, 3],
].map((values) => Float32Array.from(values));

it('the page asks nothing of any network and holds no text that ends its elements', async () => {
  const page = await textMapPage(textMapData('a model', texts, vectors));
  expect(page).toMatch(/content="default-src 'none'; script-src 'sha256-[^';]+'; style-src 'sha256-[^';]+'"/);
  expect(page).not.toMatch(/https?:|url\(|@import|<link|<img|src=/);
  expect(page).not.toContain('<b>');
});

describeBrowser('in Chromium', () => {
  const inPage = async <Answer>(data: TextMapData, act: string, flags?: readonly string[]) =>
    visitReport<Answer>(await textMapPage(data), act, flags);
  const tools = `const painted = (id) => { const c = get(id); return new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size > 3; };
       const chosen = () => page.querySelector('[aria-selected=true]').textContent;`;

  it('shows similarities, neighbours and the plane; the keyboard does everything', async () => {
    const answer = await inPage<Record<string, unknown>>(
      textMapData('a model', texts, vectors),
      `${tools}
       press(get('texts'), 'End');
       const last = chosen();
       const nearest = [...get('nearest').children].map((item) => item.textContent);
       get('nearest').querySelector('button').click();
       const neighbour = chosen();
       const seen = ['ArrowLeft', 'ArrowLeft', 'ArrowRight', 'ArrowRight'].map((key) => { press(get('plane'), key); return chosen(); });
       const across = [/rates|bank/, /cat|dog/].map((words) => seen.some((text) => words.test(text)));
       get('similarity').focus();
       for (const key of ['ArrowUp', 'ArrowUp', 'ArrowUp', 'ArrowLeft', 'ArrowLeft', 'ArrowLeft', 'ArrowRight']) press(get('similarity'), key);
       const cell = get('similarity-cell').textContent;
       press(get('similarity'), 'Enter');
       const row = chosen();
       get('find').value = 'BANK';
       get('find').dispatchEvent(new Event('input'));
       const found = chosen();
       get('sorted').click();
       return { last, nearest, neighbour, across, cell, row, found, variance: get('variance').textContent,
         painted: ['similarity', 'plane'].map(painted), joined: get('joined').hidden, detail: frame.contentWindow.getComputedStyle(get('detail')).display, sorted: get('similarity-cell').textContent };`,
    );
    expect(answer).toEqual({
      last: 'the bank',
      nearest: ['0.999 interest rates', '0 a cat', '0 a dog </script><b>'],
      neighbour: 'interest rates',
      across: [true, true],
      cell: '0.956: a cat (0) ↔ a dog </script><b> (1)',
      row: 'a cat',
      found: 'the bank',
      variance: expect.stringMatching(/show 9\d % and \d %/),
      painted: [true, true],
      joined: true,
      detail: 'none',
      sorted: '1: the bank (3) ↔ the bank (3)',
    });
  });

  it('is dark where the screen is', async () => {
    const answer = await inPage<number[]>(
      textMapData(
        'a model',
        texts,
        [
          [1, 0],
          [0, 1],
          [0, 1],
          [0, 1],
        ].map((v) => Float32Array.from(v)),
      ),
      `const c = get('similarity');
       return [...c.getContext('2d').getImageData(c.width - 60, 60, 1, 1).data];`,
      schemeFlags.dark,
    );
    expect(answer).toEqual([20, 24, 29, 255]);
  });

  it('shows thousands of texts', async () => {
    const n = 3000;
    const centres = cloud(5, Array(32).fill(1));
    const many = Array.from({ length: n }, (_, i) => centres[i % 5].map((value) => value + 0.3 * gaussian()));
    const data = textMapData(
      'a model',
      many.map((_, i) => `text ${i}`),
      many,
    );
    const answer = await inPage<Record<string, unknown>>(
      data,
      `${tools}
       const start = performance.now();
       get('sorted').click();
       press(get('texts'), 'End');
       for (let i = 0; i < 5; i++) press(get('similarity'), 'ArrowRight');
       return { chosen: chosen(), painted: ['similarity', 'detail', 'plane'].map(painted), joined: get('joined').hidden,
         first: Number(get('nearest').children[0].textContent.match(/text (\\d+)/)[1]) % 5, fast: performance.now() - start < 20000 };`,
    );
    expect(answer).toEqual({
      chosen: `text ${n - 1}`,
      painted: [true, true, true],
      joined: false,
      first: (n - 1) % 5,
      fast: true,
    });
  });

  it('says that too many texts are not sorted', async () => {
    const n = MAX_CLUSTERED + 1;
    const data = textMapData(
      'a model',
      Array(n).fill('x'),
      Array.from({ length: n }, (_, i) => Float32Array.of(Math.cos(i), Math.sin(i))),
    );
    const answer = await inPage<unknown>(data, `return [get('sorted').disabled, get('texts').children.length];`);
    expect(answer).toEqual([true, n]);
  });
});
