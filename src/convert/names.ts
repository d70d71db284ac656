/**
 * @file Maps the names of tensors in a checkpoint to those in a GGUF.
 */

/** One rule: the checkpoint's name without `.weight` or `.bias`, `N` for the layer, and the GGUF's name. */
export type Rule = readonly [from: string, to: string];

/** The naming rules of a class. */
export interface NameMap {
  /** Prefix to remove from names. */
  readonly prefix: RegExp;
  /** Tensors that a GGUF does not contain. */
  readonly dropped: RegExp;
  readonly rules: readonly Rule[];
}

/**
 * The name of a tensor in a GGUF: `null` for a tensor that is not converted, `undefined` for an unknown one.
 * Old checkpoints call the parameters of a norm `gamma` and `beta`.
 */
export function ggufName(map: NameMap, name: string): string | null | undefined {
  const short = name.replace(map.prefix, '');
  if (map.dropped.test(short)) return null;
  const match = /^(.*)\.(weight|bias|gamma|beta)$/.exec(short);
  if (match === null) return undefined;
  const layer = /\.(\d+)\./.exec(match[1])?.[1];
  const general = layer === undefined ? match[1] : match[1].replace(`.${layer}.`, '.N.');
  const rule = map.rules.find(([from]) => from === general);
  const kind = { gamma: 'weight', beta: 'bias' }[match[2]] ?? match[2];
  return rule && `${rule[1].replace('N', layer ?? 'N')}.${kind}`;
}
