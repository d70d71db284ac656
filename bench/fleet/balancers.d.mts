/** A running balancer. */
export interface Balancer {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

export function balancerVersion(name: string): string | undefined;
export function startBalancer(name: string, ports: readonly number[]): Promise<Balancer>;
