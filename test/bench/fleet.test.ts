/**
 * @file The simulation of a fleet agrees with queueing theory where that has formulas.
 */
import { describe, expect, it } from 'vitest';
import { fitCapacity, type Profile, simulate } from '../../bench/fleet/simulate.mjs';

const nothing: Profile = { client: 0, balancer: 0, http: 0, batch: 0, token: 0, delays: [0] };
/** Ten milliseconds a request, one request at a time. */
const steady = { profile: { ...nothing, token: 0.001 }, lengths: [10], batchTokens: 10, requests: 60_000 };

describe('simulate', () => {
  it.each([0.3, 0.7, 0.9])('one server, all requests alike (M/D/1), %f busy', (load) => {
    const { mean, rate } = simulate({ ...steady, servers: 1, rate: load * 100 });
    expect(rate / (load * 100)).toBeCloseTo(1, 1);
    const waiting = (load * 0.01) / (2 * (1 - load));
    expect(mean / (0.01 + waiting)).toBeGreaterThan(0.93);
    expect(mean / (0.01 + waiting)).toBeLessThan(1.07);
  });

  it('one server, exponential times (M/M/1): mean and p99', () => {
    const lengths = Array.from({ length: 1000 }, (_, i) => -10 * Math.log(1 - (i + 0.5) / 1000));
    const { mean, p99 } = simulate({ ...steady, lengths, batchTokens: 0, servers: 1, rate: 60 });
    expect(mean / (0.01 / 0.4)).toBeCloseTo(1, 1);
    expect(p99 / ((0.01 / 0.4) * Math.log(100))).toBeCloseTo(1, 1);
  });

  it('a processor that is shared (M/G/1-PS): the mean does not depend on the distribution', () => {
    // Many servers on one core: each request is computed at once, at its share of the core.
    const lengths = [1, 1, 1, 1, 1, 1, 1, 1, 1, 91];
    const { mean } = simulate({ ...steady, lengths, servers: 400, cores: 1, rate: 50 });
    expect(mean / (0.01 / 0.5)).toBeGreaterThan(0.9);
    expect(mean / (0.01 / 0.5)).toBeLessThan(1.1);
  });

  it('clients without pauses keep the servers busy', () => {
    expect(simulate({ ...steady, servers: 2, clients: 8 }).rate).toBeCloseTo(200, 0);
    expect(simulate({ ...steady, servers: 2, clients: 1 }).rate).toBeCloseTo(100, 0);
    expect(simulate({ ...steady, servers: 2, clients: 8, cores: 1 }).rate).toBeCloseTo(100, 0);
    expect(simulate({ ...steady, servers: 2, clients: 8, cores: 2, capacity: 1.5 }).rate).toBeCloseTo(150, 0);
  });

  it('a batch shares what it costs', () => {
    const profile = { ...nothing, batch: 0.008, token: 0.0002 };
    const options = { profile, lengths: [10], servers: 1, clients: 4, requests: 5000 };
    expect(simulate({ ...options, batchTokens: 10 }).rate).toBeCloseTo(100, 0);
    // Batches of one and of three by turns: while one is computed, the others wait.
    expect(simulate({ ...options, batchTokens: 40 }).rate).toBeCloseTo(4 / 0.024, 0);
  });

  it('gives the same numbers for the same seed', () => {
    const options = { ...steady, servers: 3, rate: 200, requests: 2000 };
    expect(simulate(options)).toEqual(simulate(options));
    expect(simulate({ ...options, seed: 2 })).not.toEqual(simulate(options));
  });

  it('finds how much the cores do together', () => {
    const options = { ...steady, servers: 3, cores: 2, clients: 2, requests: 3000 };
    const { rate } = simulate({ ...options, capacity: 1.6 });
    expect(fitCapacity(options, rate)).toBeCloseTo(1.6, 1);
  });
});
