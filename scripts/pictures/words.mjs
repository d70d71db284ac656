/** @file Words and their tokens, as lattices: the tokens of the vocabulary that a word is made of, and those that the tokenizer takes. */
import { check, vocabularyOf } from './files.mjs';
import { label, note, number, picture, rect } from './svg.mjs';

const MARK = '\u2581';

/** All tokens in `word` from position `start` on, the shortest first. */
function tokensAt(word, start, ids) {
  const ends = Array.from({ length: word.length - start }, (_, i) => start + i + 1);
  return ends
    .filter((end) => ids.has(word.slice(start, end)))
    .map((end) => ({ start, end, id: ids.get(word.slice(start, end)) }));
}

/** Whether two lists of numbers are equal. */
const same = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);

/** The row of characters. */
const characters = (word, y, width) =>
  Array.from(word, (character, i) => [
    rect(16 + i * width, y, width, 28),
    label(16 + (i + 0.5) * width, y + 19, character, { anchor: 'middle' }),
  ]);

/** WordPiece: from where the last token ended, the longest one. */
export async function wordPiece() {
  const { tokenizer, tokens } = await vocabularyOf();
  const text = 'unembeddable';
  const word = MARK + text;
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const width = 52;
  const parts = characters(word, 44, width);
  const taken = [];
  let y = 84;
  for (let at = 0; at < word.length; ) {
    const found = tokensAt(word, at, ids);
    const longest = found[found.length - 1];
    taken.push(longest.id);
    for (const token of found) {
      const x = 16 + token.start * width;
      const piece = word.slice(token.start, token.end);
      parts.push(rect(x + 2, y, (token.end - token.start) * width - 4, 22, token === longest ? 'taken' : 'box', 4));
      parts.push(label(x + 8, y + 15, piece));
      if (token === longest)
        parts.push(label(16 + token.end * width + 6, y + 15, `token ${token.id}`, { name: 'soft' }));
      y += 26;
    }
    y += 8;
    at = longest.end;
  }
  check(same(tokenizer.encode(text, { addSpecial: false }), taken), `WordPiece of ${text}`);
  parts.push(
    note(
      16,
      y + 12,
      'Each group: all tokens of the vocabulary that begin where the last one ended. The longest is taken.',
    ),
  );
  const title = `WordPiece takes the longest token, then goes on behind it: “${text}”`;
  return picture(
    32 + word.length * width + 90,
    y + 30,
    title,
    `${title}: ${taken.map((id) => tokens[id]).join(' · ')}`,
    parts,
  );
}

/** Unigram: of all ways through the lattice, the one whose scores have the largest sum. */
export async function unigram() {
  const { tokenizer, tokens, scores } = await vocabularyOf('nomic-bert-moe');
  const text = 'unbelievably';
  const word = MARK + text;
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const width = 64;
  const taken = tokenizer.encode(text, { addSpecial: false });
  const sum = (path) => path.reduce((total, id) => total + scores[id], 0);
  // The tokens as the bars of a chart, each in the first row that has room.
  const bars = Array.from(word, (_, start) => tokensAt(word, start, ids)).flat();
  const path = new Set();
  let at = 0;
  for (const id of taken) {
    const bar = bars.find(({ start, id: other }) => start === at && other === id);
    check(bar !== undefined, `${text} has no token ${id} at ${at}`);
    path.add(bar);
    at = bar.end;
  }
  check(at === word.length, `the tokens of ${text} end at ${at}`);
  const best = Array.from({ length: word.length + 1 }, () => Number.NEGATIVE_INFINITY);
  best[0] = 0;
  for (const { start, end, id } of bars) best[end] = Math.max(best[end], best[start] + scores[id]);
  check(Math.abs(best[word.length] - sum(taken)) < 1e-4, `${text} has a better path`);
  const ends = [];
  const parts = characters(word, 44, width);
  const ordered = [...path, ...bars.filter((bar) => !path.has(bar))];
  for (const bar of ordered) {
    const { start, end, id } = bar;
    let row = ends.findIndex((used) => used.every(([from, to]) => to <= start || end <= from));
    // Nothing shares the first row with the tokens that are taken.
    if (!path.has(bar) && row === 0)
      row = ends.findIndex((used, i) => i > 0 && used.every(([from, to]) => to <= start || end <= from));
    if (row < 0) row = ends.push([]) - 1;
    ends[row].push([start, end]);
    const [x, y] = [16 + start * width, 84 + row * 26 + (row > 0 ? 10 : 0)];
    parts.push(rect(x + 2, y, (end - start) * width - 4, 22, path.has(bar) ? 'taken' : 'box', 4));
    parts.push(label(x + 7, y + 15, `${word.slice(start, end)} ${number(scores[id])}`));
  }
  const height = 84 + ends.length * 26 + 10;
  const terms = taken
    .map((id) => number(scores[id]))
    .join(' + ')
    .replaceAll('+ −', '− ');
  parts.push(
    note(
      16,
      height + 14,
      `The tokens in the first row have the largest sum of scores: ${terms} = ${number(sum(taken), 4)}`,
    ),
  );
  const title = `Unigram takes the path with the largest sum of scores: “${text}”`;
  return picture(
    32 + word.length * width,
    height + 32,
    title,
    `${title}: ${taken.map((id) => tokens[id]).join(' · ')}`,
    parts,
  );
}

/** BPE: the merges in the order of their ranks, as a tree. */
export async function merges() {
  const { tokenizer, tokens, merges: list } = await vocabularyOf('gpt-2');
  const text = 'Embeddings';
  const ranks = new Map(list.map((merge, rank) => [merge, rank]));
  const width = 76;
  let nodes = Array.from(text, (character, i) => ({ text: character, x: 16 + (i + 0.5) * width, y: 0, depth: 0 }));
  const made = [...nodes];
  for (let order = 1; ; order++) {
    const pairs = nodes
      .slice(1)
      .map((right, i) => ({ i, left: nodes[i], right, rank: ranks.get(`${nodes[i].text} ${right.text}`) }));
    const [first] = pairs.filter(({ rank }) => rank !== undefined).sort((a, b) => a.rank - b.rank || a.i - b.i);
    if (first === undefined) break;
    const { i, left, right, rank } = first;
    const depth = Math.max(left.depth, right.depth) + 1;
    const node = { text: left.text + right.text, x: (left.x + right.x) / 2, depth, left, right, order, rank };
    made.push(node);
    nodes = [...nodes.slice(0, i), node, ...nodes.slice(i + 2)];
  }
  const ids = tokenizer.encode(text, { addSpecial: false });
  check(
    same(
      nodes.map((node) => tokens.indexOf(node.text)),
      ids,
    ),
    `merges of ${text}`,
  );
  const deepest = Math.max(...made.map(({ depth }) => depth));
  const y = ({ depth }) => 66 + (deepest - depth) * 62;
  const parts = [];
  for (const node of made) {
    for (const child of [node.left, node.right].filter(Boolean)) {
      parts.unshift(`<path class="line" d="M${node.x} ${y(node) + 12}L${child.x} ${y(child) - 12}"/>`);
    }
    const wide = Math.max(28, node.text.length * 8 + 16);
    parts.push(rect(node.x - wide / 2, y(node) - 12, wide, 24, nodes.includes(node) ? 'taken' : 'box', 4));
    parts.push(label(node.x, y(node) + 4, node.text, { anchor: 'middle' }));
    const about = node.order === undefined ? undefined : `${node.order}. rank ${node.rank}`;
    if (about) parts.push(label(node.x + wide / 2 + 5, y(node) + 4, about, { name: 'soft' }));
    if (nodes.includes(node))
      parts.push(label(node.x, y(node) - 18, `token ${tokens.indexOf(node.text)}`, { name: 'soft', anchor: 'middle' }));
  }
  const bottom = 66 + deepest * 62;
  parts.push(
    note(
      16,
      bottom + 44,
      'The numbers are the order of the merges. A merge with a lower rank comes first, wherever it is in the word.',
    ),
  );
  const title = `Byte-pair encoding merges neighbours until no merge is left: “${text}”`;
  return picture(
    32 + text.length * width,
    bottom + 62,
    title,
    `${title}: ${nodes.map((node) => node.text).join(' · ')}`,
    parts,
  );
}
