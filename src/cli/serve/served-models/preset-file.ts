/**
 * @file Parses preset files: INI in llama-server's syntax.
 */
import { UsageError } from '../../usage-error.ts';

/** Name of the section for keys before the first section. */
const UNNAMED = 'default';

/** The keys and values of each section, in order. */
export type Preset = ReadonlyMap<string, readonly (readonly [key: string, value: string])[]>;

/**
 * Parses a preset file: `[section]` and `key = value`; `;` or `#` begins a comment, also after a value.
 * @param path for errors
 * @throws UsageError for a line that is neither
 */
export function parsePreset(path: string, text: string): Preset {
  const sections = new Map<string, [string, string][]>();
  let name = UNNAMED;
  for (const [i, whole] of text.split(/\r?\n/).entries()) {
    const line = whole.replace(/[;#].*$/, '').trim();
    if (line === '') continue;
    const header = /^\[\s*([^\]\s][^\]]*)\]$/.exec(line);
    if (header !== null) {
      name = sectionId(header[1].trim());
      if (!sections.has(name)) sections.set(name, []);
      continue;
    }
    const equals = line.indexOf('=');
    if (equals < 1) throw new UsageError(`failed to parse server config file: ${path} (line ${i + 1})`);
    const entry: [string, string] = [line.slice(0, equals).trim(), line.slice(equals + 1).trim()];
    // The version of the format, before any section.
    if (entry[0] === 'version') continue;
    const section = sections.get(name);
    if (section === undefined) sections.set(name, [entry]);
    else section.push(entry);
  }
  return sections;
}

/** A tag of the hub is written in capitals, as in `user/model:Q8_0`. */
function sectionId(name: string): string {
  const colon = name.lastIndexOf(':');
  return colon < 0 ? name : name.slice(0, colon) + name.slice(colon).toUpperCase();
}
