/**
 * @file The report of `trace --html`: its data, its policy, and the page in Chromium: drawn, by keyboard, without network.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { type ReportData, reportData } from '../../src/audit/report/data.ts';
import { reportPage } from '../../src/audit/report/page.ts';
import { compareTraces } from '../../src/audit/trace/compare.ts';
import { recordOf } from '../../src/audit/trace/recorded.ts';
import { Embedder, type Trace } from '../../src/engine/index.ts';
import type { Picture } from '../../src/layout/picture.ts';
import { describeBrowser } from '../browser.ts';
import { fixture, load, schemeFlags, visitReport } from './support.ts';

const embedder = await load('bert-mean');
const images = await Embedder.load(fixture('multimodal/models/qwen25vl.gguf'), {
  mmproj: fixture('multimodal/models/mmproj-qwen25vl.gguf'),
  backend: 'reference',
  worker: false,
});
const seen = await images.trace({ text: 'a <__media__> b', images: [fixture('multimodal/images/odd.png')] });
const trace = await embedder.trace('A report </script><b>of</b> a text');
afterAll(() => Promise.all([embedder.dispose(), images.dispose()]));

/** The values of a picture. */
function valuesOf({ cells, scale }: Picture): number[] {
  return Array.from(Buffer.from(cells, 'base64'), (byte) => (byte === 0 ? Number.NaN : ((byte - 128) / 127) * scale));
}

describe('data', () => {
  it('has a picture of every tensor with a row for each token, to 8 bits', () => {
    const { activations, attention, norms, tokens } = reportData(trace);
    const shown = trace.steps.filter(({ name, rows }) => rows === tokens.length && !name.startsWith('kq-'));
    expect(activations.map(({ name }) => name)).toEqual(shown.map(({ name }) => name));
    for (const [i, { values, rows, cols }] of shown.entries()) {
      const { scale } = activations[i];
      for (const [j, value] of valuesOf(activations[i]).entries())
        expect(Math.abs(value - values[j])).toBeLessThanOrEqual(scale / 250);
      const row = values.subarray((rows - 1) * cols);
      expect(norms[i].at(-1)).toBeCloseTo(Math.hypot(...row), 1);
    }
    expect(attention.map(({ layer }) => layer)).toEqual(['0', '1', '2']);
    const sums = attention[1].heads.map((head) => valuesOf(head).reduce((sum, value) => sum + value, 0));
    for (const sum of sums) expect(sum).toBeCloseTo(tokens.length, 0);
  });

  it('says how much each token brings to the pooled vector', async () => {
    const shares = reportData(trace).shares;
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 2);
    const cls = await embedder.trace('first', { pooling: 'cls' });
    expect(reportData(cls).shares).toEqual(
      [1, 0, 0].slice(0, cls.tokens.length).concat(Array(Math.max(0, cls.tokens.length - 3)).fill(0)),
    );
  });

  it('has the pixels, patches and windows of an image, and what the tower makes of them', () => {
    const { images, shares, activations } = reportData(seen);
    const [{ width, height, rgb, patches, order, windows, tensors, attention }] = images;
    expect([width, height, patches, new Set(windows)]).toEqual([56, 140, { nx: 4, ny: 10 }, new Set([0, 1])]);
    expect(new Uint8Array(Buffer.from(rgb, 'base64'))).toEqual(seen.images[0].rgb);
    // The first window has 4 x 4 tokens of 2 x 2 patches, as far as the image goes.
    expect(order.filter((_, row) => windows[row] === 0).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 32 }, (_, i) => i),
    );
    expect(tensors.find(({ name }) => name === 'layer_out-3')?.norms).toHaveLength(40);
    // Every second layer sees the whole image.
    const crosses = ({ shares }: (typeof attention)[number]) =>
      valuesOf(shares).some((share, i) => share > 0 && windows[i % 40] !== windows[Math.floor(i / 40)]);
    expect(attention.map(crosses)).toEqual([false, true, false, true]);
    for (const { shares } of attention)
      expect(valuesOf(shares).reduce((sum, share) => sum + share, 0)).toBeCloseTo(40, 0);
    expect(attention.map(({ layer }) => layer)).toEqual(['0', '1', '2', '3']);
    // Steps of the tower are not among those of the text model.
    expect(activations.every(({ rows }) => rows === seen.tokens.length)).toBe(true);
    expect(activations.filter(({ name }) => name === 'ffn_out-0')).toHaveLength(1);
    expect(shares).toHaveLength(seen.tokens.length);
    expect(reportData(trace).images).toEqual([]);
  });

  it('pools the tokens that pooling sees', async () => {
    const input = { text: '<__media__>a b', images: [fixture('multimodal/images/odd.png')] };
    const mean = await images.trace(input, { pooling: 'mean' });
    const { shares } = reportData(mean);
    expect(shares.slice(0, mean.pooledFrom).every((share) => share === 0)).toBe(true);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 2);
  });

  it('keeps the largest magnitude of values that share a cell, and NaN', () => {
    const values = new Float32Array(1000 * 8).fill(0.5);
    values[8 * 503 + 3] = -4;
    values[8 * 900] = Number.NaN;
    const tokens = Array.from({ length: 1000 }, (_, id) => ({ id, text: 'x' }));
    const long: Trace = { ...trace, tokens, steps: [{ name: 'ffn_out-0', rows: 1000, cols: 8, values }] };
    const [picture] = reportData(long).activations;
    expect([picture.height, picture.width, picture.scale]).toEqual([320, 8, 4]);
    const cells = valuesOf(picture);
    expect(cells.filter((value) => value === -4)).toHaveLength(1);
    expect(cells.filter(Number.isNaN)).toHaveLength(1);
    values[8 * 800] = Number.NEGATIVE_INFINITY;
    const [infinite] = reportData(long).activations;
    expect(infinite.scale).toBe(4);
    expect(valuesOf(infinite).filter(Number.isNaN)).toHaveLength(2);
    expect(valuesOf(infinite)[0]).toBeCloseTo(0.5, 1);
  });
});

function compared(): ReportData {
  const record = recordOf(trace);
  const at = record.steps.findIndex(({ name }) => name === 'ffn_out-1');
  const values = Float32Array.from(record.steps[at].values, (value, i) => (i === 70 ? value + 1 : value));
  const wrong = { ...record, steps: record.steps.with(at, { ...record.steps[at], values }) };
  return reportData(trace, { name: 'another one', recorded: wrong, comparison: compareTraces(trace, wrong, 1e-4) });
}

it('the page asks nothing of any network and holds no text that ends its elements', async () => {
  const page = await reportPage(compared());
  expect(page).toMatch(
    /http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-[^';]+'; style-src 'sha256-[^';]+'"/,
  );
  expect(page).not.toMatch(/https?:|url\(|@import|<link|<img|src=/);
  expect(page.match(/<\/script>/g)).toHaveLength(2);
  expect(page).not.toContain('<b>of');
});

describeBrowser('in Chromium', () => {
  const inPage = async <Answer>(data: ReportData, act: string, flags?: readonly string[]) =>
    visitReport<Answer>(await reportPage(data), act, flags);

  it('draws everything, and the keyboard chooses tokens and cells', async () => {
    const answer = await inPage<Record<string, unknown>>(
      compared(),
      `const painted = (id) => { const c = get(id); return new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size > 3; };
       const selected = () => page.querySelector('[aria-selected=true]').id;
       const first = selected();
       press(get('tokens'), 'End');
       const last = selected();
       press(get('tokens'), 'ArrowLeft');
       const before = selected();
       press(get('activation-map'), 'ArrowDown');
       press(get('activation-map'), 'ArrowRight');
       const cell = get('activation-cell').textContent;
       press(get('activation-map'), 'Enter');
       const looksAt = get('looks-at').children.length;
       get('layer').value = '2';
       get('layer').dispatchEvent(new Event('change'));
       const index = [...get('tensor').options].findIndex((o) => o.text.startsWith('ffn_out-1 '));
       get('tensor').value = String(index);
       get('difference').click();
       get('difference').dispatchEvent(new Event('change'));
       return { first, last, before, cell, chosen: selected(), looksAt, model: get('model').textContent,
         painted: ['attention-map', 'activation-map', 'norms', 'shares', 'vector'].map(painted),
         label: get('activation-map').getAttribute('aria-label'),
         differs: [...page.querySelectorAll('tr.differs')].map((row) => row.cells[0].textContent),
         tokens: get('tokens').textContent, hidden: get('comparison').hidden };`,
    );
    const n = trace.tokens.length;
    expect(answer).toMatchObject({
      first: 'tokens-0',
      last: `tokens-${n - 1}`,
      before: `tokens-${n - 2}`,
      cell: expect.stringMatching(/ \(1\), column 1: -?[\d.e-]+; all: ±/),
      chosen: 'tokens-1',
      looksAt: 8,
      model: 'synthetic bert-mean (bert, all F32)',
      painted: [true, true, true, true, true],
      label: `ffn_out-1: ${n} rows, 64 columns, up to 1`,
      differs: ['ffn_out-1 ≠'],
      hidden: false,
    });
    expect(answer.tokens).toBe(trace.tokens.map(({ text }) => text).join(''));
  });

  it('draws an image, and the keyboard chooses its patches and tokens', async () => {
    const answer = await inPage<Record<string, unknown>>(
      reportData(seen),
      `const map = get('image-map');
       const colours = () => new Set(map.getContext('2d').getImageData(0, 0, map.width, map.height).data).size;
       const before = colours();
       press(map, 'ArrowDown');
       press(map, 'ArrowDown');
       press(map, 'ArrowRight');
       const cell = get('image-cell').textContent;
       const select = (text) => {
         const list = get('image-layer');
         list.value = [...list.options].find((option) => option.text === text).value;
         list.dispatchEvent(new Event('change'));
         return get('image-cell').textContent;
       };
       return { hidden: get('images').hidden, before, cell, size: [map.width, map.height], label: map.getAttribute('aria-label'),
         chosen: page.querySelector('#tokens [aria-selected=true]').textContent,
         norm: select('norm of layer_out-3'), attention: select('attention in layer 1') };`,
    );
    const token = seen.images[0].firstToken + 2;
    expect(answer).toEqual({
      hidden: false,
      before: expect.any(Number),
      size: [256, 640],
      cell: `patch (1, 2) in window 0, row 9 of the tensors; token (0, 1), ${token} of the input`,
      label: 'Image 0: 4 x 10 patches in 2 windows, 2 x 5 tokens',
      chosen: 'image 0 (0, 1)',
      norm: expect.stringMatching(/; norm of layer_out-3: [\d.]+$/),
      attention: expect.stringMatching(/; attention in layer 1: [\d.e-]+$/),
    });
    expect(answer.before).toBeGreaterThan(50);
  });

  it.each([
    ['light', 'rgb(255, 255, 255)', 255],
    ['dark', 'rgb(20, 24, 29)', 20],
  ] as const)('is %s where the screen is', async (scheme, background, zero) => {
    const values = new Float32Array(trace.tokens.length * 8);
    values[0] = 1;
    const step = { name: 'ffn_out-0', rows: trace.tokens.length, cols: 8, values };
    const answer = await inPage<{ background: string; text: string; cell: number }>(
      reportData({ ...trace, steps: [step] }),
      `const style = frame.contentWindow.getComputedStyle(page.body);
       const map = get('activation-map');
       const [cell] = map.getContext('2d').getImageData(map.width - 8, map.height - 4, 1, 1).data;
       return { background: style.backgroundColor, text: style.color, cell };`,
      schemeFlags[scheme],
    );
    expect(answer).toEqual({
      background,
      text: scheme === 'dark' ? 'rgb(230, 237, 243)' : 'rgb(27, 31, 36)',
      cell: zero,
    });
  });

  it('runs no other script than its own', async () => {
    const answer = await inPage<{ ran: boolean }>(
      reportData(trace),
      `const script = page.createElement('script');
       script.textContent = 'window.ran = true';
       page.body.append(script);
       return { ran: frame.contentWindow.ran === true };`,
    );
    expect(answer).toEqual({ ran: false });
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('draws the trace of a model that computes %d', async (damaged) => {
    const steps = trace.steps.map((step) =>
      step.name === 'ffn_out-1'
        ? { ...step, values: step.values.map((value, i) => (i === 3 ? damaged : value)) }
        : step,
    );
    const wrong = { ...trace, steps, vector: trace.vector.map((value, i) => (i === 1 ? damaged : value)) };
    const answer = await inPage<Record<'norms' | 'vector' | 'activation', string>>(
      reportData(wrong),
      `const tensor = get('tensor');
       get('family').value = [...get('family').options].find(({ text }) => text === 'ffn_out').value;
       get('family').dispatchEvent(new frame.contentWindow.Event('change'));
       tensor.value = [...tensor.options].findLast(({ text }) => text.startsWith('ffn_out-1 ')).value;
       tensor.dispatchEvent(new frame.contentWindow.Event('change'));
       press(get('activation-map'), 'ArrowRight');
       press(get('activation-map'), 'ArrowRight');
       press(get('activation-map'), 'ArrowRight');
       return { norms: get('norms-hint').textContent, vector: get('vector-hint').textContent, activation: get('activation-cell').textContent };`,
    );
    expect(answer.norms).toMatch(
      /^Grey: the mean of all tokens, [\d.]+, no number, [\d.]+\. Coloured: .* \(0\), [\d.]+, no number, /,
    );
    expect(answer.vector).toMatch(/^64 values: -?[\d.]+, no number, /);
    expect(answer.activation).toMatch(/ \(0\), column 3: no number; all: ±[\d.]+$/);
  });

  it('says which tokens a cell of the attention of a long text stands for', async () => {
    const n = 1000;
    const values = new Float32Array(n * n);
    values[500] = 0.9;
    const tokens = Array.from({ length: n }, (_, id) => ({ id, text: ` token${id}` }));
    const steps = [{ name: 'kq_soft_max-0', rows: n, cols: n, values }];
    const looksAt = await inPage<string[]>(
      reportData({ ...trace, tokens, steps }),
      `return [...get('looks-at').children].map((item) => item.textContent);`,
    );
    expect(looksAt).toHaveLength(8);
    expect(looksAt[0]).toBe(' token500 …  token503 (500–503) up to 0.9');
  });

  it('shows a text of thousands of tokens', async () => {
    const n = 4000;
    const values = Float32Array.from({ length: n * 64 }, (_, i) => Math.sin(i));
    const tokens = Array.from({ length: n }, (_, id) => ({ id, text: ` token${id}` }));
    const steps = ['ffn_out-0', 'ffn_out-1', 'result_embd'].map((name) => ({ name, rows: n, cols: 64, values }));
    const answer = await inPage<{ chips: number; hint: string; attention: boolean; shares: string }>(
      reportData({ ...trace, tokens, steps }),
      `press(get('tokens'), 'End');
       return { chips: get('tokens').children.length, hint: get('norms-hint').textContent, attention: get('attention').hidden,
         shares: frame.contentWindow.getComputedStyle(get('shares')).display };`,
    );
    expect(answer).toMatchObject({
      chips: n,
      attention: true,
      shares: 'none',
      hint: expect.stringContaining('token3999 (3999)'),
    });
  });
});
