/**
 * @file Which ggml types the kernels can unpack.
 */
import type { GgmlTypeName } from '../../gguf/ggml-types.ts';

/** The types with an unpacker in `assembly/unpack*.ts`. */
export const unpackableTypes: ReadonlySet<GgmlTypeName> = new Set<GgmlTypeName>(['F32', 'F16', 'BF16', 'Q8_0']);
