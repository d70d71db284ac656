/**
 * @file A one-line summary of the tensors in a written file.
 */
import { type GgmlType, nElements, rowBytes } from '../../gguf/index.ts';
import { byteSize } from '../log.ts';
import { plural } from '../plural.ts';

/** `out.gguf: 101 tensors, 24.0 MB (F32: 37, Q8_0: 64)`. */
export function summary(
  path: string,
  tensors: readonly { readonly type: GgmlType; readonly shape: readonly number[] }[],
): string {
  const counts = new Map<string, number>();
  let bytes = 0;
  for (const { type, shape } of tensors) {
    const [row = 1, ...rows] = shape;
    bytes += rowBytes(type, row) * nElements(rows);
    counts.set(type.name, (counts.get(type.name) ?? 0) + 1);
  }
  const types = Array.from(counts, ([name, count]) => `${name}: ${count}`).join(', ');
  return `${path}: ${plural(tensors.length, 'tensor')}, ${byteSize(bytes)} (${types})`;
}
