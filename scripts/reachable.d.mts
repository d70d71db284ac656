export function reachable(folder: string, entries: readonly string[]): string[];
