/**
 * @file The folder in which the engine keeps what it has found out about this machine, for Node, Deno and Bun.
 */
import { homeFolder } from '../hub/home-folder.node.ts';

const { join } = process.getBuiltinModule('node:path');

/** `$XDG_CACHE_HOME` or `~/.cache`, on Windows `%LOCALAPPDATA%`, below `gguf-embed`; `undefined` for a user without a home folder. */
export function cacheFolder(): string | undefined {
  const { LOCALAPPDATA, XDG_CACHE_HOME } = process.env;
  const base = process.platform === 'win32' ? LOCALAPPDATA : XDG_CACHE_HOME;
  const home = homeFolder();
  const caches = base || (home && join(home, '.cache'));
  return caches && join(caches, 'gguf-embed');
}
