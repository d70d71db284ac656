/**
 * @file Makes the folders that a command writes to.
 */
import { mkdir } from 'node:fs/promises';
import { systemReason } from '../../gguf/system-error.ts';
import { UsageError } from '../usage-error.ts';

/** Makes a folder and those above it that are missing. @throws UsageError that names the folder */
export async function makeFolder(path: string): Promise<void> {
  // Behind a slash, the system would call a file a part of the path.
  await mkdir(path.replace(/(?<=.)[/\\]+$/, ''), { recursive: true }).catch((cause) => {
    throw new UsageError(`cannot make the folder ${path}: ${systemReason(cause)}`, { cause });
  });
}
