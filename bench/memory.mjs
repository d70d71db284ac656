// Resident memory of servers: after loading, and after requests of texts of so many words, with the peak. Linux only.
// Usage: npm run bench:memory -- [--model FILE]... [--shape NAME:TYPE]... [--threads LIST] [--words LIST] [--node PATH] [--llama PATH]
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeSynthetic } from './compare/synthetic.mjs';
import { startLlama, startOurs } from './server/servers.mjs';

const { values: args } = parseArgs({
  options: {
    model: { type: 'string', multiple: true, default: [] },
    shape: { type: 'string', multiple: true, default: [] },
    threads: { type: 'string', default: '1,2' },
    words: { type: 'string', default: '1,60,180,300,421' },
    node: { type: 'string', default: process.execPath },
    llama: { type: 'string' },
  },
});
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const models = [...args.model];
for (const name of args.shape) models.push(await makeSynthetic(...name.split(':'), here('.cache')));
if (models.length === 0) models.push(here('../models/all-MiniLM-L6-v2-Q8_0.gguf'));

/** A field of `/proc/PID/status` in megabytes. */
function megabytes(pid, field) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)[1]) * 1024) / 1e6;
}

/** Resident megabytes after loading and after the requests, and the most of the whole time. */
async function measure(server, nTexts) {
  try {
    const idle = megabytes(server.pid, 'VmRSS');
    for (const nWords of args.words.split(',').map(Number)) {
      const body = JSON.stringify({ input: Array(nTexts).fill('word '.repeat(nWords)), truncate: true });
      const answer = await fetch(`http://127.0.0.1:${server.port}/v1/embeddings`, { method: 'POST', body });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}: ${await answer.text()}`);
      await answer.arrayBuffer();
    }
    return { idle, busy: megabytes(server.pid, 'VmRSS'), peak: megabytes(server.pid, 'VmHWM') };
  } finally {
    await server.stop();
  }
}

const version = spawnSync(args.node, ['--version'], { encoding: 'utf8' }).stdout.trim();
console.log(`Node ${version}, megabytes\n`);
console.log('| model | MB of file | server | threads | loaded | busy | peak | busy / file |');
console.log('|---|---:|---|---:|---:|---:|---:|---:|');
for (const model of models) {
  const size = statSync(model).size / 1e6;
  const sides = { ours: (threads) => startOurs({ node: args.node, model, threads, args: ['--backend', 'wasm'] }) };
  if (args.llama) sides['llama-server'] = (threads) => startLlama({ binary: args.llama, model, threads });
  for (const threads of args.threads.split(',').map(Number)) {
    for (const [name, start] of Object.entries(sides)) {
      const { idle, busy, peak } = await measure(await start(threads), size < 100 ? 8 : 1);
      const numbers = [idle, busy, peak].map((n) => n.toFixed(0)).join(' | ');
      console.log(
        `| ${basename(model)} | ${size.toFixed(0)} | ${name} | ${threads} | ${numbers} | ${(busy / size).toFixed(2)} |`,
      );
    }
  }
}
