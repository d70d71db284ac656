/**
 * @file The memory that V8 has for new objects, in a process that runs for long.
 */
import type { Progress } from '../../engine/index.ts';

/**
 * Keeps the memory for new objects at its size when weights begin to load: V8 would double it again and again, and never give it back (7 MB).
 * Not earlier: while a flag of V8 is set, Node takes no code from its own cache, so a worker takes twice as long to start.
 */
export function keepYoungGenerationSmall({ stage, done }: Progress): void {
  if (stage !== 'load' || done > 0) return;
  process.getBuiltinModule('node:v8').setFlagsFromString('--semi-space-growth-factor=1');
}
