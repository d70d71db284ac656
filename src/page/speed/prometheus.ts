/**
 * @file Reads the text format of Prometheus: one sample on each line.
 */

/** A value with its name and labels. */
interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples of an answer. Comments and lines in another form are left out. */
export function parseMetrics(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\s*$/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, labels: parseLabels(labels), value: numberOf(value) }];
  });
}

const numberOf = (text: string) => Number(text.replace(/^([+-]?)Inf$/, '$1Infinity'));

function parseLabels(text: string): Record<string, string> {
  const escapes: Readonly<Record<string, string>> = { n: '\n' };
  const pairs = text.matchAll(/([A-Za-z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"/g);
  return Object.fromEntries(
    Array.from(pairs, ([, name, value]) => [name, value.replaceAll(/\\(.)/g, (_, c: string) => escapes[c] ?? c)]),
  );
}
