export function load(how: {
  readonly port: number;
  readonly clients: number;
  readonly seconds: number;
  readonly patience?: number;
  readonly silence?: number;
  readonly bodies: readonly string[];
  readonly path?: string;
}): Promise<{
  requestsPerSecond: number;
  tokensPerSecond: number;
  p50: number | undefined;
  p99: number | undefined;
}>;
