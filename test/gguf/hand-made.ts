/**
 * @file GGUFs put together by hand, with any field wrong that a test wants wrong.
 */
import { HeaderBuilder } from '../../src/gguf/header-builder.ts';

/** What the bytes of a header are made of, with defaults that are right. */
export interface HandMade {
  magic?: string;
  version?: number;
  littleEndian?: boolean;
  nTensors?: number | bigint;
  nKeys?: number | bigint;
  /** Puts the key/value pairs. */
  pairs?: (builder: HeaderBuilder) => void;
  /** Puts the tensor directory. */
  tensors?: (builder: HeaderBuilder) => void;
  alignment?: number;
  /** Bytes behind the padded header. */
  data?: number;
}

/** The bytes of a file. */
export function handMade(made: HandMade): Uint8Array {
  const builder = new HeaderBuilder(made.littleEndian ?? true);
  builder.raw(new TextEncoder().encode(made.magic ?? 'GGUF'));
  builder.scalar('uint32', made.version ?? 3);
  builder.scalar('uint64', made.nTensors ?? (made.tensors ? 1 : 0));
  builder.scalar('uint64', made.nKeys ?? (made.pairs ? 1 : 0));
  made.pairs?.(builder);
  made.tensors?.(builder);
  builder.pad(made.alignment ?? 32);
  builder.raw(new Uint8Array(made.data ?? 0));
  return builder.bytes.slice();
}

/** Puts one entry of the tensor directory. */
export function putTensor(
  builder: HeaderBuilder,
  {
    name = 't',
    shape = [4],
    type = 0,
    offset = 0,
  }: { name?: string | Uint8Array; shape?: (number | bigint)[]; type?: number; offset?: number | bigint },
): void {
  builder.string(name);
  builder.scalar('uint32', shape.length);
  for (const n of shape) builder.scalar('uint64', n);
  builder.scalar('uint32', type);
  builder.scalar('uint64', offset);
}
