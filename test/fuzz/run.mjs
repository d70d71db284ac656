/**
 * @file `npm run fuzz -- [--runs N] [--seed S] [--case C]`: the fuzzer with another number of files, other files, or one.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { runs: { type: 'string' }, seed: { type: 'string' }, case: { type: 'string' } },
});
const env = { ...process.env };
for (const [name, value] of Object.entries(values)) {
  if (!/^\d+$/.test(value)) {
    console.error(`--${name} must be a whole number, not "${value}"`);
    process.exit(1);
  }
  env[`FUZZ_${name.toUpperCase()}`] = value;
}
const { status } = spawnSync('npx', ['vitest', 'run', 'test/fuzz'], { env, stdio: 'inherit' });
process.exit(status ?? 1);
