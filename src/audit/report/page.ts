/**
 * @file The page of a trace.
 */
import { drawReport } from './client.ts';
import { pageBase } from './client-base.ts';
import { reportImages } from './client-image.ts';
import { reportTools } from './client-tools.ts';
import type { ReportData } from './data.ts';
import { htmlPage } from './html.ts';

const body = `<header><h1 id="model"></h1><p id="about"></p></header>
<main>
<section aria-labelledby="h-tokens"><h2 id="h-tokens">Tokens</h2>
<p class="hint">Choose a token: everything below marks its row. Arrow keys move.</p>
<div id="tokens" role="listbox" aria-label="Tokens" tabindex="0"></div></section>
<section id="images" aria-labelledby="h-images" hidden><h2 id="h-images">Images</h2>
<p class="hint">What the vision tower sees: patches, and in colour the borders of the windows that attention stays in. Arrow keys choose a patch and its token.</p>
<div class="controls"><label>Image <select id="image"></select></label><label>Show <select id="image-layer"></select></label></div>
<canvas id="image-map" tabindex="0" role="img"></canvas><output id="image-cell"></output></section>
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
</main>`;

/** The page that shows `data`. */
export function reportPage(data: ReportData): Promise<string> {
  return htmlPage({ title: 'Trace', body, script: [drawReport, pageBase, reportTools, reportImages], data });
}
