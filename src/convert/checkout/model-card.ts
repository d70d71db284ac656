/**
 * @file The front matter of a model card: the YAML between the two lines `---` at the top of README.md, limited to
 * what a GGUF file can store. Every value keeps its spelling: `1.0` stays `1.0`, and `no` stays `no`.
 */
import type { Node } from 'yaml';
import { ConvertError } from '../conversion-error.ts';

/** Keys at the top level whose value is a text or a list of texts; deeper values are ignored. */
export type FrontMatter = ReadonlyMap<string, string | readonly string[]>;

/**
 * Most characters of the front matter, and of all its values after aliases are resolved. Cards with many benchmark results
 * have a few hundred thousand.
 */
const MAX_CHARACTERS = 4 * 1024 * 1024;

/**
 * Reads the front matter of a README; an empty map if it has none.
 * @throws ConvertError with the line if it is not YAML, too long, or nested too deeply
 */
export async function readFrontMatter(readme: string, file = 'README.md'): Promise<FrontMatter> {
  const source = frontMatterOf(readme);
  if (source === undefined) return new Map();
  if (source.length > MAX_CHARACTERS) {
    throw new ConvertError(
      `the front matter has ${source.length} characters; at most ${MAX_CHARACTERS} are allowed`,
      file,
    );
  }
  const [yaml, { lineNestedTooDeeply }] = await Promise.all([import('yaml'), import('./yaml-nesting.ts')]);
  const deep = lineNestedTooDeeply(source);
  // The first line of the front matter is the second of the file.
  if (deep !== undefined) throw new ConvertError(`line ${deep + 1}: the front matter is nested too deeply`, file);
  const lines = new yaml.LineCounter();
  const fail = (problem: string, offset: number | undefined) => {
    const line = offset === undefined ? '' : `line ${lines.linePos(offset).line + 1}: `;
    return new ConvertError(`${line}${problem}`, file);
  };
  const document = yaml.parseDocument(source, {
    schema: 'failsafe',
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
    lineCounter: lines,
  });
  const [error] = document.errors;
  if (error !== undefined) {
    throw fail(`the front matter is not valid YAML: ${error.message}`, error.pos[0]);
  }

  const targets = new Map<unknown, Node | undefined>();
  const anchors = new Map<string, Node>();
  yaml.visit(document, {
    Node(_, node) {
      if (yaml.isAlias(node)) targets.set(node, anchors.get(node.source));
      else if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  const resolve = (node: unknown) => {
    if (!yaml.isAlias(node)) return node;
    const target = targets.get(node);
    if (target === undefined) throw fail(`the alias *${node.source} has no anchor`, node.range?.[0]);
    return target;
  };

  let left = MAX_CHARACTERS;
  /** The text of a scalar; `null` for an empty value, `undefined` for anything that is not a scalar. */
  const textOf = (given: unknown): string | null | undefined => {
    const node = resolve(given);
    if (node === null) return null;
    if (!yaml.isScalar(node)) return undefined;
    const text = String(node.value ?? '');
    if (node.type === 'PLAIN' && /^(~|null|Null|NULL|)$/.test(text)) return null;
    left -= text.length;
    if (left < 0) throw fail(`the values of the front matter have more than ${MAX_CHARACTERS} characters`, undefined);
    return text;
  };

  const entries = new Map<string, string | readonly string[]>();
  if (!yaml.isMap(document.contents)) return entries;
  for (const { key, value } of document.contents.items) {
    const name = textOf(key);
    const node = resolve(value);
    const found = yaml.isSeq(node) ? node.items.map(textOf) : textOf(node);
    if (typeof name !== 'string' || found === undefined) continue;
    if (Array.isArray(found)) {
      const texts = found.filter((text) => text !== null);
      if (texts.length > 0 && texts.every((text) => text !== undefined)) entries.set(name, texts);
    } else if (found !== null) {
      entries.set(name, found);
    }
  }
  return entries;
}

/** The YAML of a README that begins with the line `---`, with its tabs as two spaces. */
function frontMatterOf(readme: string): string | undefined {
  const lines = readme.split(/\r?\n/);
  const end = lines.findIndex((line, i) => i > 0 && /^---\s*$/.test(line));
  if (end < 0 || !/^---\s*$/.test(lines[0])) return undefined;
  return `${lines.slice(1, end).join('\n')}\n`.replaceAll('\t', '  ');
}
