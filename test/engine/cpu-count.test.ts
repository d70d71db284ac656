/**
 * @file Limits of CPUs as Linux writes them, and what the process may use in the end.
 */
import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { cpuCount, cpuLimit } from '../../src/engine/cpu-count.ts';

const limitOf = (files: Readonly<Record<string, string>>) => cpuLimit((path) => files[path]);

describe('the limit of CPUs', () => {
  it.each<[string, Readonly<Record<string, string>>, number]>([
    ['no control groups', {}, Infinity],
    ['no limit', { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': 'max 100000\n' }, Infinity],
    ['a container', { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '150000 100000\n' }, 1.5],
    [
      'a service in a group with less',
      {
        '/proc/self/cgroup': '0::/system.slice/embed.service\n',
        '/sys/fs/cgroup/system.slice/cpu.max': '200000 100000\n',
        '/sys/fs/cgroup/system.slice/embed.service/cpu.max': '400000 100000\n',
      },
      2,
    ],
    [
      'version 1',
      {
        '/proc/self/cgroup': '12:memory:/a:b\n4:cpu,cpuacct:/a:b\n0::/\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
        '/sys/fs/cgroup/cpu/a:b/cpu.cfs_quota_us': '50000\n',
        '/sys/fs/cgroup/cpu/a:b/cpu.cfs_period_us': '100000\n',
      },
      0.5,
    ],
    [
      'a container of version 1 that sees its group as the root',
      {
        '/proc/self/cgroup': '4:cpuacct,cpu:/docker/1234\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '300000',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
      },
      3,
    ],
    ['what is no limit', { '/proc/self/cgroup': 'x\n0::/\n', '/sys/fs/cgroup/cpu.max': '0 0' }, Infinity],
  ])('%s', (_, files, limit) => {
    expect(limitOf(files)).toBe(limit);
  });

  it('leaves at least one of the CPUs that the process has', () => {
    expect(cpuCount()).toBeGreaterThanOrEqual(1);
    expect(cpuCount()).toBeLessThanOrEqual(availableParallelism());
  });
});
