// What happens to one of three servers while requests arrive.
import { flood } from './fleet.mjs';
import { openLoop } from './load.mjs';

/** Runs the load of a phase; `happen` begins after a quarter of it. */
async function during(load, happen) {
  const running = openLoop(load);
  const timer = new Promise((resolve) => setTimeout(resolve, load.seconds * 250));
  const happened = timer.then(happen);
  const noticed = await running;
  await happened;
  return noticed;
}

/** By name, the function that runs it. Afterwards the fleet is whole again. */
export const phases = {
  quiet: (_, load) => openLoop(load),
  'one killed (SIGKILL)': async (fleet, load) => {
    const noticed = await during(load, () => fleet.end(0, 'SIGKILL'));
    await fleet.restart(0);
    return noticed;
  },
  'one drained (SIGTERM)': async (fleet, load) => {
    const noticed = await during(load, () => fleet.end(1, 'SIGTERM'));
    await fleet.restart(1);
    return noticed;
  },
  'one overloaded': (fleet, { maxQueue, ...load }) => {
    // Two or three of them fill a batch, so that no text of the others takes longer than a batch.
    const texts = load.texts.filter(({ nTokens }) => nTokens >= 40 && nTokens <= 64);
    return during(load, () => flood({ port: fleet.ports[2], texts, maxQueue, seconds: load.seconds * 0.75 }));
  },
};
