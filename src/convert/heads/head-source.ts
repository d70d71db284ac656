/**
 * @file The contract of the heads in this folder: where they are looked for, and what they add to a file.
 */
import type { GgufWriter } from '../../gguf/index.ts';
import type { Checkout } from '../checkout/checkout.ts';
import type { Config } from '../checkout/config.ts';
import type { CheckpointTensor } from '../checkpoint/tensors.ts';
import type { ModelClass } from '../model-class.ts';
import type { NameMap } from '../names.ts';

/** The heads of a checkout. */
export interface Heads {
  /** Names of the tensors of the checkpoint, those of the heads included. Default: those of the class. */
  readonly names?: NameMap;
  /** Tensors of other files, under their names in the GGUF. */
  readonly tensors: readonly CheckpointTensor[];
  /** Whether the file says which form of GELU the checkpoint has. */
  readonly keepsGelu?: boolean;
  /** Whether the modules of the checkout make no pooled vectors. */
  readonly hasNoPooling?: boolean;
  /** Sets the keys of the heads. */
  set(writer: GgufWriter): void;
  close(): Promise<void>;
}

/** A checkout whose heads are looked for. */
export interface HeadSource {
  /** The whole checkout, and the part with the transformer. */
  readonly checkout: Checkout;
  readonly main: Checkout;
  readonly config: Config;
  readonly modelClass: ModelClass;
  /** Tensors of the checkpoint. */
  readonly tensors: readonly CheckpointTensor[];
  /** Called with each step of the model that the file omits. */
  readonly warn: (warning: string) => void;
}
