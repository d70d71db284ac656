/** Sizes of the problems. */
export interface Shapes {
  readonly product: { readonly M: number; readonly N: number; readonly K: number };
  readonly attention: { readonly tokens: number; readonly heads: number; readonly size: number };
}

/** What a machine offers. */
export interface Environment {
  openGpu(): Promise<{ adapter: GPUAdapter; device: GPUDevice }>;
  enablePacking?(): boolean;
}

/** A rung that is ready to run, or the reason why it cannot. */
export type Prepared =
  | { readonly missing: string }
  | {
      readonly missing?: undefined;
      run(): unknown;
      result(): Float32Array | Promise<Float32Array>;
      kernel?(): string | undefined;
      dispose?(): void;
    };

/** One rung. */
export interface Rung {
  readonly name: string;
  readonly about: string;
  readonly macs: number;
  readonly lanes?: string;
  exact(): Float32Array;
  prepare(): Promise<Prepared>;
}

export const miniLm: Shapes;
export function ladder(shapes: Shapes, environment: Environment): Rung[];
