/**
 * @file A report as one HTML file that opens from disk: no network, and a content security policy that lets only its own script and
 * style run.
 */
import { drawReport } from './client.ts';
import { reportTools } from './client-tools.ts';
import type { ReportData } from './data.ts';
import { style } from './style.ts';

/** The page that shows `data`. */
export async function reportPage(data: ReportData): Promise<string> {
  const script = `(${drawReport.toString()})(${reportTools.toString()});`;
  const policy = `default-src 'none'; script-src '${await hashOf(script)}'; style-src '${await hashOf(style)}'`;
  // No text of the data can end its element.
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Trace</title>
<style>${style}</style>
</head>
<body>
<noscript>This report is drawn by a script in this file.</noscript>
<header><h1 id="model"></h1><p id="about"></p></header>
<main>
<section aria-labelledby="h-tokens"><h2 id="h-tokens">Tokens</h2>
<p class="hint">Choose a token: everything below marks its row. Arrow keys move.</p>
<div id="tokens" role="listbox" aria-label="Tokens" tabindex="0"></div></section>
<section id="attention" aria-labelledby="h-attention"><h2 id="h-attention">Attention</h2>
<div class="controls"><label>Layer <select id="layer"></select></label><label>Head <select id="head"></select></label></div>
<div class="row"><canvas id="attention-map" tabindex="0" role="img"></canvas><div><output id="attention-cell"></output>
<h3>What the token looks at</h3><ol id="looks-at"></ol></div></div></section>
<section aria-labelledby="h-activations"><h2 id="h-activations">Activations</h2>
<div class="controls"><label>Tensor <select id="tensor"></select></label><label id="difference-label" hidden><input type="checkbox" id="difference"> difference</label></div>
<canvas id="activation-map" tabindex="0" role="img"></canvas><output id="activation-cell"></output></section>
<section aria-labelledby="h-norms"><h2 id="h-norms">Norms along the layers</h2>
<div class="controls"><label>Tensor <select id="family"></select></label></div>
<canvas id="norms" role="img"></canvas><p class="hint" id="norms-hint"></p></section>
<section aria-labelledby="h-pooling"><h2 id="h-pooling">Pooling</h2><p id="pooling"></p><canvas id="shares" role="img"></canvas></section>
<section aria-labelledby="h-vector"><h2 id="h-vector">Vector</h2><canvas id="vector" role="img"></canvas><p class="hint" id="vector-hint"></p></section>
<section id="comparison" aria-labelledby="h-comparison" hidden><h2 id="h-comparison">Comparison</h2><p id="compared"></p>
<div class="scroll"><table><thead><tr><th>tensor</th><th>largest difference</th><th>of its largest value</th></tr></thead><tbody id="steps"></tbody></table></div></section>
</main>
<script type="application/json" id="data">${json}</script>
<script>${script}</script>
</body>
</html>
`;
}

async function hashOf(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return `sha256-${btoa(String.fromCharCode(...digest))}`;
}
