/**
 * @file The folder in which the engine keeps what it has found out about this machine, for Node, Deno and Bun.
 */
const { homedir } = process.getBuiltinModule('node:os');
const { join } = process.getBuiltinModule('node:path');

/** `$XDG_CACHE_HOME` or `~/.cache`, on Windows `%LOCALAPPDATA%`, below `gguf-embed`. */
export function cacheFolder(): string {
  const { LOCALAPPDATA, XDG_CACHE_HOME } = process.env;
  const base = process.platform === 'win32' ? LOCALAPPDATA : XDG_CACHE_HOME;
  return join(base || join(homedir(), '.cache'), 'gguf-embed');
}
