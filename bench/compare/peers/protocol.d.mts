interface Peer {
  readonly pid: number | undefined;
  call(call: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>;
  stop(): Promise<void>;
}
export function serve(handlers: Readonly<Record<string, (args: Record<string, unknown>) => unknown>>): void;
export function startPeer(
  node: string,
  script: string,
  options?: {
    readonly nodeArgs?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly patience?: number;
  },
): Peer;
