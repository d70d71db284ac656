/** @file Drawing: elements of SVG as text, and the frame that all pictures have, for light and dark screens. */

const style = `
svg { font: 12px ui-monospace, monospace; }
.back { fill: #fff; } text { fill: #1b1f24; } .soft { fill: #57606a; paint-order: stroke; stroke: #fff; stroke-width: 4px; } .title { font: 600 14px system-ui, sans-serif; }
.note { font: 13px system-ui, sans-serif; fill: #57606a; } .box { fill: #eef1f4; stroke: #d0d7de; } .taken { fill: #b6d7ff; stroke: #0550ae; }
.line { stroke: #57606a; fill: none; } .other { fill: #ffd9a8; stroke: #b35900; } .third { fill: #c8e6c0; stroke: #2f7d1f; } .mark { fill: #b42318; }
@media (prefers-color-scheme: dark) {
  .back { fill: #14181d; } text { fill: #e6edf3; } .soft, .note { fill: #9aa6b2; } .box { fill: #222a32; stroke: #3a424c; }
  .soft { stroke: #14181d; }
  .taken { fill: #17406e; stroke: #6cb6ff; } .line { stroke: #9aa6b2; } .other { fill: #5c3a10; stroke: #f0a860; }
  .third { fill: #1f4a1a; stroke: #7fce6c; } .mark { fill: #ff8a7a; }
}`;

const escapeText = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** A coordinate with at most one decimal. */
const short = (value) => String(Math.round(value * 10) / 10);

export function rect(x, y, width, height, name = 'box', round = 0) {
  const corner = round === 0 ? '' : ` rx="${round}"`;
  return `<rect class="${name}" x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}"${corner}/>`;
}

/** @param anchor `start`, `middle` or `end`: which part of the text is at `x` */
export function label(x, y, text, { name, anchor = 'start' } = {}) {
  const attributes = `${name ? ` class="${name}"` : ''}${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}`;
  return `<text x="${short(x)}" y="${short(y)}"${attributes}>${escapeText(text)}</text>`;
}

/** Lines of explanation; `y` is that of the first. */
export function note(x, y, ...lines) {
  return lines.map((text, i) => label(x, y + 20 * i, text, { name: 'note' }));
}

export function line(x1, y1, x2, y2) {
  return `<path class="line" d="M${short(x1)} ${short(y1)}L${short(x2)} ${short(y2)}"/>`;
}

/** The file. @param about what the picture shows, for readers that cannot see it */
export function picture(width, height, title, about, parts) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escapeText(about)}</title>
<style>${style}
</style>
<rect class="back" width="100%" height="100%"/>
${label(16, 26, title, { name: 'title' })}
${parts.flat(3).join('\n')}
</svg>
`;
}

/** A number with `digits` significant digits and a real minus sign. */
export function number(value, digits = 3) {
  return Number(value.toPrecision(digits)).toString().replace('-', '−');
}
