import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // One second, the default, is too short for a browser on a machine with other work.
    expect: { poll: { timeout: 20_000 } },
    pool: 'forks',
    // By default one core stays free, which on two cores leaves a single process. Many tests wait for other programs.
    maxWorkers: '100%',
    projects: [
      { extends: true, test: { name: 'sources', include: ['test/**/*.test.ts'], exclude: ['test/package/**'] } },
      {
        extends: true,
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          globalSetup: 'test/package/setup.ts',
        },
      },
    ],
  },
});
