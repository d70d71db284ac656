/**
 * @file Merges the metrics of several models into one text in Prometheus' format.
 */

/** The metrics of one model, in the format of GET /metrics. */
export interface ModelMetrics {
  readonly id: string;
  readonly text: string;
}

/** Each metric once, with a line for each model that has the label `model`. */
export function mergeMetrics(models: readonly ModelMetrics[]): string {
  const families = new Map<string, { readonly head: string[]; readonly samples: string[] }>();
  for (const { id, text } of models) {
    const label = `model="${id.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`;
    let family: { head: string[]; samples: string[] } = { head: [], samples: [] };
    for (const line of text.split('\n')) {
      const help = /^# HELP (\S+)/.exec(line);
      if (help !== null) {
        family = families.get(help[1]) ?? { head: [line], samples: [] };
        families.set(help[1], family);
      } else if (line.startsWith('# TYPE')) family.head[1] = line;
      else if (line !== '') family.samples.push(withLabel(line, label));
    }
  }
  return Array.from(families.values(), ({ head, samples }) => [...head, ...samples, ''].join('\n')).join('');
}

function withLabel(sample: string, label: string): string {
  const name = /^[^{\s]+/.exec(sample)?.[0] ?? '';
  const rest = sample.slice(name.length);
  return rest.startsWith('{') ? `${name}{${label},${rest.slice(1)}` : `${name}{${label}}${rest}`;
}
