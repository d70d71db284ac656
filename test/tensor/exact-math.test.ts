/**
 * @file Logarithm, exponential, powers, sine and cosine without `Math`, against values computed with 60 digits by Python's decimal.
 */
import { expect, it } from 'vitest';
import { exp, log, pow, sinCos } from '../../src/tensor/exact-math.ts';
import { alibiSlopes, relativeBucket } from '../../src/tensor/positions.ts';
import { random } from '../random.ts';

const ulp = (x: number) => 2 ** (Math.floor(Math.log2(Math.abs(x))) - 52);

const logs = [
  [0.5, -Math.LN2],
  [0.75, -0.2876820724517809],
  [0.9999999, -1.0000000494736474e-7],
  [1.0000001, 9.999999505838704e-8],
  [1.25, 0.22314355131420976],
  [1.5, 0.4054651081081644],
  [2.0, Math.LN2],
  [3.0, 1.0986122886681098],
  [10.0, Math.LN10],
  [127.5, 4.848116364598481],
  [10000.0, 9.210340371976184],
  [1000000.0, 13.815510557964274],
  [3.4e38, 88.72200896539586],
  [1e-5, -11.512925464970229],
  [1e-30, -69.07755278982137],
  [1e-300, -690.7755278982137],
  [1e300, 690.7755278982137],
];

const exps = [
  [-700.0, 9.85967654375977e-305],
  [-100.5, 2.256340135917036e-44],
  [-20.0, 2.061153622438558e-9],
  [-3.25, 0.03877420783172201],
  [-1.0, 0.36787944117144233],
  [-0.5, 0.6065306597126334],
  [-0.001, 0.999000499833375],
  [-1e-9, 0.999999999],
  [1e-9, 1.000000001],
  [0.3, 1.3498588075760032],
  [0.34657, 1.4142084849595797],
  [0.34658, 1.41422262711514],
  [1.0, Math.E],
  [2.5, 12.182493960703473],
  [10.0, 22026.465794806718],
  [88.0, 1.6516362549940018e38],
  [300.25, 2.4941248615349213e130],
  [700.0, 1.0142320547350045e304],
];

/** Angle, sine, cosine. */
const sines = [
  [1e-9, 1e-9, 1.0],
  [0.5, 0.479425538604203, 0.8775825618903728],
  [0.785398, 0.7071066656470943, 0.7071068967259818],
  [0.7854, 0.7071080798594735, 0.7071054825112363],
  [1.0, 0.8414709848078965, 0.5403023058681398],
  [2.0, 0.9092974268256817, -0.4161468365471424],
  [3.0, 0.1411200080598672, -0.9899924966004454],
  [22.0, -0.008851309290403876, -0.9999608263946371],
  [355.0, -3.014435335948845e-5, -0.999999999545659],
  [-1000.25, -0.9403086681560692, 0.3403228005740423],
  [123456.78125, -0.9990345494825916, 0.043931411770112026],
  [16777215.0, -0.9482326677687481, -0.31757645973239707],
  [400000000.5, 0.9143895402072074, -0.4048354835728358],
];

it('is within 2 units of the last place of known logarithms', () => {
  for (const [x, expected] of logs) expect(Math.abs(log(x) - expected)).toBeLessThanOrEqual(2 * ulp(expected));
  expect([log(1), log(0), log(Infinity), log(-1), log(Number.NaN)]).toEqual([0, -Infinity, Infinity, NaN, NaN]);
  expect(log(5e-324)).toBeCloseTo(-744.4400719213812, 10);
});

it('is within 2 units of the last place of known exponentials', () => {
  for (const [x, expected] of exps) expect(Math.abs(exp(x) - expected)).toBeLessThanOrEqual(2 * ulp(expected));
  expect([exp(0), exp(800), exp(-800), exp(Number.NaN)]).toEqual([1, Infinity, 0, NaN]);
});

it('raises to powers: whole ones by multiplications, others within their bound', () => {
  expect([pow(3, 5), pow(2, -3), pow(7, 0), pow(0, 2), pow(0, 0.5), pow(1.5, 1)]).toEqual([243, 0.125, 1, 0, 0, 1.5]);
  for (const [x, y] of [
    [10000, -2 / 64],
    [1e6, -2 / 128],
    [2, 0.5],
    [1e-3, 7.25],
  ]) {
    const expected = x ** y;
    expect(Math.abs(pow(x, y) - expected)).toBeLessThanOrEqual(ulp(expected) * (6 + 2 * Math.abs(y * Math.log(x))));
  }
});

it('gives the slopes of ALiBi and the buckets of T5', () => {
  expect(Array.from(alibiSlopes(8, 8))).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((i) => 2 ** -i));
  expect(Array.from(alibiSlopes(3, 8))).toEqual([2 ** -4, 2 ** -8, 2 ** -2]);
  expect(
    [8, 11, 12, 15, 16, 22, 23, 31, 32, 45, 46, 63, 64, 90, 91, 127, 128, 9999].map((n) => relativeBucket(-n, 32)),
  ).toEqual([8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 15, 15]);
});

it('sine and cosine are within 2 units of the last place of those of the engine', () => {
  const next = random(3);
  const angles = [0.1, 1, 30, 1e4, 1e6, 5e8].flatMap((size) =>
    Array.from({ length: 500 }, () => size * (2 * next() - 1)),
  );
  // Near the zeros, where most of an angle cancels.
  for (let n = -300; n < 3000; n++) angles.push((n * Math.PI) / 2, Math.fround((n * Math.PI) / 2));
  for (const x of angles.filter((angle) => angle !== 0)) {
    const { sin, cos } = sinCos(x);
    expect(Math.abs(sin - Math.sin(x)), `sin ${x}`).toBeLessThanOrEqual(2 * ulp(Math.sin(x)));
    expect(Math.abs(cos - Math.cos(x)), `cos ${x}`).toBeLessThanOrEqual(2 * ulp(Math.cos(x)));
  }
  expect([sinCos(0), sinCos(Infinity), sinCos(Number.NaN)]).toEqual([
    { sin: 0, cos: 1 },
    { sin: NaN, cos: NaN },
    { sin: NaN, cos: NaN },
  ]);
});

it('sine and cosine of some angles are those of 90 digits', () => {
  for (const [x, sin, cos] of sines) {
    expect(Math.abs(sinCos(x).sin - sin), `sin ${x}`).toBeLessThanOrEqual(ulp(sin));
    expect(Math.abs(sinCos(x).cos - cos), `cos ${x}`).toBeLessThanOrEqual(ulp(cos));
  }
});
