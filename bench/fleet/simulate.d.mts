/** Seconds of CPU time: for a request, for a batch, for a token. */
export interface Profile {
  readonly client: number;
  readonly balancer: number;
  readonly http: number;
  readonly batch: number;
  readonly token: number;
  /** Seconds without work, of which each request takes one by chance. */
  readonly delays: readonly number[];
}

export interface SimulationOptions {
  readonly profile: Profile;
  readonly servers?: number;
  readonly cores?: number;
  readonly capacity?: number;
  /** Tokens of the texts, of which each request takes one by chance. */
  readonly lengths: readonly number[];
  readonly batchTokens?: number;
  /** Requests a second that arrive at random times, unless there are `clients`. */
  readonly rate?: number;
  readonly clients?: number;
  readonly requests?: number;
  readonly seed?: number;
}

export function simulate(options: SimulationOptions): {
  readonly rate: number;
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
};
export function fitCapacity(options: SimulationOptions & { readonly cores: number }, measuredRate: number): number;
