/**
 * @file Writes the page that runs the ladders in a browser: one file that opens from disk and loads nothing.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { style as reportStyle } from '../../build/modules/audit/report/style.js';
import { readOptions } from '../options.mjs';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The page's modules as one script. */
async function script() {
  const bundled = await rolldown({
    input: at('page/main.mjs'),
    platform: 'browser',
    // Node's way to a GPU, which the page does not take.
    external: /\.node\.js$/,
    experimental: { attachDebugInfo: 'none' },
  });
  const { output } = await bundled.generate({ format: 'esm', codeSplitting: false, minify: true });
  // No text of the script can end its element.
  return output[0].code.replaceAll('</script', '<\\/script');
}

const hashOf = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const code = await script();
const style = `${reportStyle}\n${readFileSync(at('page/style.css'), 'utf8')}`;
const policy = `default-src 'none'; script-src ${hashOf(code)} 'wasm-unsafe-eval'; style-src ${hashOf(style)}`;
const help = `npm run bench:page -- [FILE]
  FILE  default: build/ladder.html`;
const { positionals } = readOptions(help, { allowPositionals: true });
const [path = at('../../build/ladder.html')] = positionals;
mkdirSync(dirname(path), { recursive: true });
writeFileSync(
  path,
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>gguf-embed: the ladder of kernels</title>
<style>${style}</style>
</head>
<body>
<h1>The ladder of kernels</h1>
<p>Each rung is one step from the formula to the kernel that gguf-embed runs. Products multiply the activations of 192 tokens (192 × 384)
by the largest matrix of a MiniLM layer (384 × 1536). Attention is that of one text of 512 tokens, with 12 heads of 32.</p>
<p class="hint">One thread. The fastest of many runs counts; the relative error is that of the whole result.</p>
<p><button type="button" id="all">Run all</button></p>
<p id="status" role="status">Loading…</p>
<div id="tables"></div>
<script type="module">${code}</script>
</body>
</html>
`,
);
console.log(path);
