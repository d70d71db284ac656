/** @file The advice about newer Nodes: what it says, and that a server logs it once. */
import { cpus } from 'node:os';
import { describe, expect, it } from 'vitest';
import { nodeAdvice } from '../../src/cli/serve/node-advice.ts';
import { listening, model, start } from './run.ts';

describe('the advice about newer Nodes', () => {
  it('says what a newer one is worth on this CPU, and that other CPUs were not measured', () => {
    expect(nodeAdvice({ node: '20.19.0' }, 'x64', () => 'AMD EPYC 9R14 96-Core Processor')).toBe(
      'Node 24 or newer computes about 2 times as fast on CPUs like this one (this is Node 20.19.0; see docs/kernels.md)',
    );
    expect(nodeAdvice({ node: '22.1.0' }, 'x64', () => 'Intel(R) Xeon(R)')).toBe(
      'Node 24 or newer computes about 2 times as fast on AMD EPYC; this CPU was not measured (this is Node 22.1.0; see docs/kernels.md)',
    );
  });

  it.each([
    [{ node: '24.0.0' }, 'x64'],
    [{ node: '26.1.0' }, 'x64'],
    [{ node: '20.19.0' }, 'arm64'],
    [{ node: '22.6.0', bun: '1.2.0' }, 'x64'],
    [{ node: '22.6.0', deno: '2.1.0' }, 'x64'],
  ])('is silent in %j on %s, and does not ask for the CPU', (versions, arch) => {
    const notAllowed = () => {
      throw new Error('Requires sys access to "cpus"');
    };
    expect(nodeAdvice(versions, arch, notAllowed)).toBeUndefined();
  });

  const expected = nodeAdvice(process.versions, process.arch, () => cpus()[0].model);
  it.each([
    ['a server of one model', [], expected],
    ['a server of several', ['-m', model('nomic-bert')], expected],
    ['a server without packing', ['--no-packing'], undefined],
    ['a server with another backend', ['--backend', 'reference'], undefined],
  ])('is logged once by %s, where it concerns it', async (_, args, advice) => {
    const { child, end, log } = await listening(start(['serve', '-m', model('bert-mean'), '--port', '0', ...args]));
    child.kill();
    await end;
    expect(log().match(/^Node \d+ or newer.*$/gm) ?? []).toEqual(advice === undefined ? [] : [advice]);
  });
});
