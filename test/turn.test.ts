/** @file How long work yields its thread: to what waits, and no longer. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Turn } from '../src/turn.ts';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe.each(['as in Node', 'as in a browser'])('%s', (where) => {
  it('lets what waits go on, without a timer', async () => {
    if (where === 'as in a browser') vi.stubGlobal('setImmediate', undefined);
    vi.resetModules();
    const { Turn } = await import('../src/turn.ts');
    const order: string[] = [];
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => void order.push('message');
    port2.postMessage(undefined);
    setTimeout(() => order.push('timer'), 0);
    const timer = vi.spyOn(globalThis, 'setTimeout');
    const turn = new Turn();
    for (const end = performance.now() + 20; performance.now() < end; ) await turn.pass();
    expect(order.toSorted()).toEqual(['message', 'timer']);
    expect(timer).not.toHaveBeenCalled();
    port1.close();
  });
});

it('yields while the timers of a test stand still', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setImmediate'] });
  try {
    await new Turn().pass();
  } finally {
    vi.useRealTimers();
  }
});

it('is over when it has lasted long enough', async () => {
  const turn = new Turn(20);
  expect(turn.isOver).toBe(false);
  await new Promise((resolve) => setTimeout(resolve, 25));
  expect(turn.isOver).toBe(true);
  turn.begin();
  expect(turn.isOver).toBe(false);
});
