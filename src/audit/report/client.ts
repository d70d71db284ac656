/**
 * @file The script of a report. The page contains the source of this one function, so the function uses nothing outside itself.
 */
import type { pageBase } from './client-base.ts';
import type { reportImages } from './client-image.ts';
import type { reportTools } from './client-tools.ts';
import type { ReportData } from './data.ts';

/**
 * Draws the report whose data is in the page.
 * @param makeBase `pageBase`, and
 * @param makeTools `reportTools`, and
 * @param drawImages `reportImages`: the page has their sources, too
 */
export function drawReport(
  makeBase: typeof pageBase,
  makeTools: typeof reportTools,
  drawImages: typeof reportImages,
): void {
  const base = makeBase();
  const { get, visible, digits, variable, dark } = base;
  // JSON has null for NaN and infinities; nothing else here is null.
  const data: ReportData = JSON.parse(get('data').textContent ?? '', (_, value) => value ?? Number.NaN);
  const { tokens, activations, attention, norms, comparison } = data;
  let token = 0;
  const redraws: (() => void)[] = [];

  const page = { base, select: (row: number) => select(row), token: () => token, redraws };
  const tools = makeTools(page);
  const { pictureView, valueAt, chart, bars } = tools;

  function fill(id: string, names: readonly string[], onChange: () => void): HTMLSelectElement {
    const element = get<HTMLSelectElement>(id);
    element.append(...names.map((name, i) => new Option(name, String(i))));
    element.addEventListener('change', onChange);
    return element;
  }

  get('model').textContent = data.model;
  get('about').textContent = `${data.backend} · ${tokens.length} tokens · pooling ${data.pooling}`;

  const list = get('tokens');
  const mark = base.listOf(list, tokens, (index) => select(index));
  for (const [i, chip] of [...list.children].entries()) (chip as HTMLElement).title = `token ${i}, id ${data.ids[i]}`;

  function select(next: number): void {
    token = next;
    mark(token);
    for (const redraw of redraws) redraw();
  }

  drawImages({ ...page, tools, images: data.images });

  // Attention.
  if (attention.length === 0) get('attention').hidden = true;
  else {
    const head = () => attention[Number(layerSelect.value)].heads[Number(headSelect.value)];
    const map = pictureView(
      get('attention-map'),
      get('attention-cell'),
      (row, col) =>
        `${visible(tokens[row])} (${row}) → ${visible(tokens[col])} (${col}): ${digits(valueAt(head(), row, col))}`,
    );
    const update = () => {
      map.set(head());
      looksAt();
    };
    const layerSelect = fill(
      'layer',
      attention.map(({ layer }) => layer),
      update,
    );
    const headSelect = fill(
      'head',
      attention[0].heads.map((_, i) => String(i)),
      update,
    );
    const looksAt = () => {
      const picture = head();
      const shares = tokens.map((_, i) => valueAt(picture, token, i));
      // In a long text, a cell of the picture stands for several tokens and has the largest share among them.
      const { width, cols } = picture;
      const firsts = Array.from({ length: width }, (_, cell) => Math.ceil((cell * cols) / width));
      const order = firsts.map((_, cell) => cell).sort((a, b) => shares[firsts[b]] - shares[firsts[a]]);
      get('looks-at').replaceChildren(
        ...order.slice(0, 8).map((cell) => {
          const [first, last] = [firsts[cell], (firsts[cell + 1] ?? cols) - 1];
          const item = document.createElement('li');
          item.textContent =
            first === last
              ? `${visible(tokens[first])} (${first}) ${digits(shares[first])}`
              : `${visible(tokens[first])} … ${visible(tokens[last])} (${first}–${last}) up to ${digits(shares[first])}`;
          return item;
        }),
      );
      for (const [i, chip] of [...list.children].entries()) {
        const share = Math.max(0, shares[i] || 0) / (picture.scale || 1);
        (chip as HTMLElement).style.backgroundColor =
          `color-mix(in srgb, var(--mark) ${Math.round(60 * share)}%, var(--chip))`;
      }
    };
    redraws.push(looksAt);
    update();
  }

  // Activations, and how they differ.
  const differences = comparison?.differences ?? {};
  const box = get<HTMLInputElement>('difference');
  get('difference-label').hidden = comparison === undefined;
  const chosen = () => {
    const i = Number(tensorSelect.value);
    return box.checked && differences[i] !== undefined ? differences[i] : activations[i];
  };
  const map = pictureView(
    get('activation-map'),
    get('activation-cell'),
    (row, col) =>
      `${visible(tokens[row])} (${row}), column ${col}: ${digits(valueAt(chosen(), row, col))}; all: ±${digits(chosen().scale)}`,
  );
  const tensorSelect = fill(
    'tensor',
    activations.map(
      ({ name, cols }, i) =>
        `${name} [${cols}]${comparison !== undefined && differences[i] === undefined ? ' (only here)' : ''}`,
    ),
    () => map.set(chosen()),
  );
  box.addEventListener('change', () => map.set(chosen()));
  if (activations.length > 0) map.set(chosen());

  // Norms: tensors of one name in all layers.
  const families = new Map<string, number[]>();
  for (const [i, { name }] of activations.entries()) {
    const [, family] = /^(.*)-\d+$/.exec(name) ?? [];
    // The last of a name in a layer is its result.
    if (family === undefined || activations.slice(i + 1).some((later) => later.name === name)) continue;
    families.set(family, [...(families.get(family) ?? []), i]);
  }
  const familyNames = [...families.keys()];
  const familySelect = fill('family', familyNames, drawNorms);
  const preferred = ['l_out', 'ffn_out', 'ffn_inp'].map((name) => familyNames.indexOf(name)).find((i) => i >= 0);
  familySelect.value = String(preferred ?? 0);
  function drawNorms(): void {
    const family = families.get(familyNames[Number(familySelect.value)]) ?? [];
    const context = chart('norms', 220, 'Norms along the layers');
    const mean = family.map((i) => norms[i].reduce((sum, value) => sum + value, 0) / norms[i].length);
    const own = family.map((i) => norms[i][token]);
    const top = Math.max(...[...mean, ...own].filter(Number.isFinite), 1e-9);
    const line = (values: readonly number[], style: string) => {
      context.strokeStyle = style;
      context.fillStyle = style;
      context.lineWidth = 2;
      context.beginPath();
      for (const [i, value] of values.entries()) {
        const [x, y] = [60 + (i / Math.max(1, values.length - 1)) * 880, 200 - (value / top) * 180];
        if (i === 0) context.moveTo(x, y);
        else context.lineTo(x, y);
        context.fillRect(x - 3, y - 3, 6, 6);
      }
      context.stroke();
    };
    context.fillStyle = variable('--soft');
    context.fillText(digits(top), 4, 24);
    context.fillText('0', 4, 204);
    for (const [i, at] of family.entries()) {
      context.fillText(/\d+$/.exec(activations[at].name)![0], 56 + (i / Math.max(1, family.length - 1)) * 880, 217);
    }
    line(mean, variable('--soft'));
    line(own, variable('--mark'));
    get('norms-hint').textContent =
      `Grey: the mean of all tokens, ${mean.map(digits).join(', ')}. Coloured: ${visible(tokens[token])} (${token}), ${own.map(digits).join(', ')}.`;
  }
  redraws.push(drawNorms);

  // Pooling and the vector.
  const takes: Record<string, string> = {
    mean: 'The mean of all rows. The bars show how much each token contributes to the vector; they sum to 1.',
    cls: 'The first row only.',
    last: 'The last row only.',
    max: 'The largest value of each column.',
    'weighted-mean': 'The mean of all rows, of which later ones count more.',
    'mean-sqrt-len': 'The sum of all rows, divided by the root of their number.',
    none: 'Every row is a vector; the first one is shown below.',
    rank: 'A classifier computes a score from the rows.',
  };
  get('pooling').textContent = takes[data.pooling] ?? data.pooling;
  get('shares').hidden = data.shares.length === 0;
  redraws.push(() => bars('shares', data.shares, 120, 'Share of each token', token));
  redraws.push(() => bars('vector', data.vector, 140, `Vector of ${data.vector.length} values`));
  get('vector-hint').textContent = `${data.vector.length} values: ${data.vector.slice(0, 8).map(digits).join(', ')} …`;

  if (comparison !== undefined) {
    get('comparison').hidden = false;
    const nDifferent = comparison.steps.filter(({ differs }) => differs).length;
    const cause = comparison.cause === undefined ? '' : ` Likely cause of the first: ${comparison.cause}.`;
    get('compared').textContent =
      `${nDifferent} of ${comparison.steps.length} tensors differ from ${comparison.other}.${cause}`;
    get('steps').append(
      ...comparison.steps.map(({ name, largest, relative, differs }) => {
        const row = document.createElement('tr');
        if (differs) row.className = 'differs';
        row.append(
          ...[differs ? `${name} ≠` : name, digits(largest), digits(relative)].map((text) => {
            const cell = document.createElement('td');
            cell.textContent = text;
            return cell;
          }),
        );
        return row;
      }),
    );
  }
  dark.addEventListener('change', () => select(token));
  select(0);
}
