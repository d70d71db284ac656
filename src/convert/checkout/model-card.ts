/**
 * @file The front matter of a model card: the YAML between the two lines `---` at the top of README.md, as far as model
 * cards use it for what goes into a GGUF.
 */

/** Keys at the top level whose value is a text or a list of texts. Anything deeper is left out. */
export type FrontMatter = ReadonlyMap<string, string | readonly string[]>;

/** Reads the front matter of a README; an empty map when it has none. */
export function readFrontMatter(readme: string): FrontMatter {
  const lines = readme.replaceAll('\t', '  ').split(/\r?\n/);
  const end = lines.indexOf('---', 1);
  const entries = new Map<string, string | readonly string[]>();
  if (lines[0] !== '---' || end < 0) return entries;
  for (let i = 1; i < end; ) {
    const match = /^([A-Za-z_][\w.-]*|"[^"]*"|'[^']*'):(?:\s+(.*))?$/.exec(lines[i++]);
    const block: string[] = [];
    while (i < end && /^(\s|-|$)/.test(lines[i])) block.push(lines[i++]);
    if (match === null) continue;
    const value = readValue(withoutComment(match[2] ?? ''), block);
    if (value !== undefined) entries.set(unquoted(match[1]), value);
  }
  return entries;
}

/** The value behind a key: on its line, or in the indented lines below. */
function readValue(inline: string, block: readonly string[]): string | readonly string[] | undefined {
  if (/^[|>][+-]?$/.test(inline)) {
    const lines = block.map((line) => line.trim());
    return (inline[0] === '|' ? lines.join('\n') : lines.join(' ')).trim();
  }
  if (inline.startsWith('[') && inline.endsWith(']')) return readFlow(inline.slice(1, -1));
  if (inline !== '')
    return isNull(inline) ? undefined : unquoted([inline, ...block.map((line) => line.trim())].join(' ').trim());
  const items = block.filter((line) => line.trim() !== '' && !/^\s*#/.test(line));
  if (items.length === 0) return undefined;
  const indent = /^\s*/.exec(items[0])![0].length;
  const texts: string[] = [];
  for (const line of items) {
    const item = /^(\s*)-\s+(.*)$/.exec(line);
    if (item === null || item[1].length !== indent) continue;
    const text = withoutComment(item[2]);
    // A map in a list, such as the results of an evaluation.
    if (/^[\w-]+:(\s|$)/.test(text)) return undefined;
    texts.push(unquoted(text));
  }
  return texts.length === 0 ? undefined : texts;
}

/** The items of `[a, "b, c"]`. */
function readFlow(items: string): readonly string[] {
  const texts = items.match(/\s*(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,]+)/g) ?? [];
  return texts.map((text) => unquoted(text.trim())).filter((text) => text !== '');
}

function withoutComment(text: string): string {
  return /^["']/.test(text) ? text.trim() : text.replace(/(^|\s)#.*$/, '').trim();
}

function isNull(text: string): boolean {
  return text === '~' || text === 'null';
}

function unquoted(text: string): string {
  if (text.length >= 2 && text.startsWith("'") && text.endsWith("'")) return text.slice(1, -1).replaceAll("''", "'");
  if (!(text.length >= 2 && text.startsWith('"') && text.endsWith('"'))) return text;
  const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t' };
  return text.slice(1, -1).replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter);
}
