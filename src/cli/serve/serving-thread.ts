/**
 * @file Whether the thread that serves computes, too. With one thread for a small model, that is as fast as a worker and takes the memory of one less.
 */
import { cpuCount } from '../../engine/cpu-count.ts';
import { smallModelBytes } from '../../engine/load/small-model.ts';
import { modelParts } from '../../gguf/split.ts';
import { threadsOf } from '../model/load.ts';
import type { Parsed } from '../options/parse-options.ts';

/**
 * Whether the thread that serves the model at `path` computes, unless `--worker` or `--no-worker` decides.
 * @param path a file that need not exist; of a split model, the first part
 */
export function suitsServingThread({ values, given }: Parsed, path: string): boolean {
  const threads = threadsOf(values) ?? cpuCount();
  if (given.has('worker') || threads > 1 || values.backend === 'webgpu') return false;
  // An import would load Node's promises of files, too.
  const { statSync } = process.getBuiltinModule('node:fs');
  const files = modelParts(path).map((part) => statSync(part, { throwIfNoEntry: false }));
  // An operation of a larger model would keep requests waiting.
  return files.reduce((sum, file) => sum + (file?.size ?? Infinity), 0) <= smallModelBytes;
}
