/** @file The page that runs the ladders in a browser: a table of rungs, with a button for each. */
import { requestDevice } from '../../gpu/request-device.mjs';
import { ladder, miniLm } from '../ladder.mjs';
import { measure } from '../measure.mjs';

const titles = {
  product: 'Product, on the CPU',
  attention: 'Attention, on the CPU',
  wgsl: 'Product, on the GPU',
};

async function openGpu() {
  if (navigator.gpu === undefined) throw new Error('this browser has no WebGPU');
  return requestDevice(navigator.gpu);
}

/** An element with text or children. */
function make(tag, ...children) {
  const element = document.createElement(tag);
  element.append(...children);
  return element;
}

const status = document.getElementById('status');
const all = document.getElementById('all');
const buttons = [all];
const rungs = ladder(miniLm, { openGpu });

/** Runs one rung and fills its row. */
async function run(rung, [rate, share, error, note]) {
  status.textContent = `${rung.name} runs`;
  // Lets the browser paint.
  await new Promise((resolve) => setTimeout(resolve, 30));
  let answer;
  try {
    answer = await measure(rung, 400);
  } catch (failure) {
    answer = { missing: `failed: ${failure.message}` };
  }
  if (answer.missing !== undefined) note.textContent = answer.missing;
  else {
    rung.rate = answer.macs;
    const first = rungs.find(({ name }) => name === `${rung.name.split('/')[0]}/naive`).rate;
    rate.textContent = (2 * answer.macs).toFixed(1);
    share.textContent = first === undefined ? '' : `${(answer.macs / first).toFixed(1)} ×`;
    error.textContent = answer.error.toExponential(1);
    note.textContent = answer.kernel ?? '';
  }
}

/** Runs rungs one after the other, while no button can be pressed. */
async function runAll(chosen) {
  for (const button of buttons) button.disabled = true;
  for (const [rung, cells] of chosen) await run(rung, cells);
  for (const button of buttons) button.disabled = false;
  status.textContent = 'Done.';
}

const rows = new Map();
for (const [family, title] of Object.entries(titles)) {
  const head = make(
    'tr',
    ...['Rung', 'What is new', 'GFLOP/s', 'Naive = 1', 'Relative error', 'Note'].map((text) => make('th', text)),
  );
  for (const th of head.children) th.scope = 'col';
  const body = make('tbody');
  for (const rung of rungs.filter(({ name }) => name.startsWith(`${family}/`))) {
    const button = make('button', rung.name);
    button.type = 'button';
    button.title = `Run ${rung.name}`;
    const cells = [0, 1, 2, 3].map(() => make('td'));
    button.addEventListener('click', () => runAll([[rung, cells]]));
    buttons.push(button);
    rows.set(rung, cells);
    body.append(make('tr', make('td', button), make('td', rung.about), ...cells));
  }
  const table = make('table', make('caption', title), make('thead', head), body);
  table.id = family;
  document.getElementById('tables').append(table);
}
all.addEventListener('click', () => runAll(rows));
status.textContent = 'Ready.';
