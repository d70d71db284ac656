/** @file `serve` keeps the memory that V8 has for new objects at its first size while the program is loaded. */
import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { finished, main } from './run.ts';

it('serve does not let the memory for new objects grow', async () => {
  const report = `data:text/javascript,
    import { getHeapSpaceStatistics } from 'node:v8';
    process.on('exit', () => {
      const { space_size } = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
      console.error('NEW', space_size);
    });`;
  const child = spawn(process.execPath, [
    '--import',
    report.replaceAll('\n', ' '),
    main,
    'serve',
    '-m',
    '/missing.gguf',
  ]);
  const { stderr } = await finished(child);
  expect(stderr).toContain('missing.gguf');
  // V8 begins with two halves of 1 MiB or less.
  expect(Number(/^NEW (\d+)$/m.exec(stderr)?.[1])).toBeLessThanOrEqual(2 * 2 ** 20);
});
