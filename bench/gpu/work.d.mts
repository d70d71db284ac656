/** What a launch computes and moves. */
export interface Work {
  readonly flops: number;
  readonly bytes: number;
}
export function workOf(
  launches: readonly { readonly kernel: string; readonly values: Readonly<Record<string, number>> }[],
  options: {
    readonly types: Readonly<Record<string, { readonly blockSize: number; readonly blockBytes: number }>>;
    readonly offsets: Int32Array;
  },
): Work[];
