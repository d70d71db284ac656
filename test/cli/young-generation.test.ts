/** @file `serve` keeps the memory that V8 has for new objects small once its model is loaded. */
import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { finished, main, model } from './run.ts';

/** At its end, a process makes 50 MB of objects that stay, and says how much memory V8 then has for new ones. */
const report = `data:text/javascript,
  import { getHeapSpaceStatistics } from 'node:v8';
  process.on('exit', () => {
    globalThis.kept = Array.from({ length: 1e6 }, (_, i) => ({ i }));
    const { space_size } = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    console.error('NEW', space_size);
  });`;

it('serve does not let the memory for new objects grow', async () => {
  const child = spawn(process.execPath, [
    '--import',
    report.replaceAll('\n', ' '),
    main,
    ...['serve', '-m', model('bert-mean'), '--port', '0', '--backend', 'wasm'],
  ]);
  child.stderr.on('data', (data) => {
    if (String(data).includes('listening on')) child.kill('SIGTERM');
  });
  const { stderr } = await finished(child);
  // It would be 32 MiB.
  expect(Number(/^NEW (\d+)$/m.exec(stderr)?.[1])).toBeLessThanOrEqual(8 * 2 ** 20);
});
