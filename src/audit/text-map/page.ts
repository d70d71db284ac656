/**
 * @file The page of `embed --html`: how similar texts are, and where they lie.
 */
import { pageBase } from '../report/client-base.ts';
import { htmlPage } from '../report/html.ts';
import { drawTexts } from './client.ts';
import { vectorTools } from './client-vectors.ts';
import type { TextMapData } from './data.ts';

const body = `<header><h1 id="model"></h1><p id="about"></p></header>
<main>
<section aria-labelledby="h-texts"><h2 id="h-texts">Texts</h2>
<p class="hint">Choose a text: everything below marks it. Arrow keys move.</p>
<div class="controls"><label>Find <input type="search" id="find"></label></div>
<div id="texts" class="lines" role="listbox" aria-label="Texts" tabindex="0"></div>
<h3>Most similar to the chosen text</h3><ol id="nearest"></ol></section>
<section aria-labelledby="h-similarity"><h2 id="h-similarity">Similarity</h2>
<p class="hint">The cosine of each text with each other one: red up to 1, blue down to −1. Enter chooses the text of a row.</p>
<p class="hint" id="joined">A cell of the left picture is the mean of several pairs; the right one shows the texts around it.</p>
<div class="controls"><label><input type="checkbox" id="sorted"> sorted by clusters</label></div>
<div class="row"><canvas id="similarity" tabindex="0" role="img"></canvas><canvas id="detail" role="img"></canvas></div>
<output id="similarity-cell"></output></section>
<section aria-labelledby="h-plane"><h2 id="h-plane">Plane</h2>
<p class="hint" id="variance"></p>
<canvas id="plane" tabindex="0" role="img"></canvas><output id="plane-text"></output></section>
</main>`;

/** The page that shows `data`. */
export function textMapPage(data: TextMapData): Promise<string> {
  return htmlPage({ title: 'Texts', body, script: [drawTexts, pageBase, vectorTools], data });
}
