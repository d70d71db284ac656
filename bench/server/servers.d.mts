export function freePort(): Promise<number>;
export function startLlama(how: {
  readonly binary: string;
  readonly model: string;
  readonly threads: number;
}): Promise<unknown>;
