// The report of a comparison as a table: for a terminal and for bench/RESULTS.md.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { loadLine } from '../turns.mjs';
import { meanLengths } from './measure.mjs';

/** What computed at each precision, or at all of them if it is the same. */
function descriptions({ descriptions }) {
  if (new Set(Object.values(descriptions)).size === 1) return Object.values(descriptions)[0];
  return Object.entries(descriptions)
    .map(([precision, description]) => `${precision}: ${description}`)
    .join('; ');
}

const heading = (r) => [
  `${r.cpu}, ${r.cores} cores, ${r.system}; ${r.date}`,
  `gguf-embed on Node ${r.node}${r.packing ? '' : ' without 256-bit packing'}: ${descriptions(r)}`,
  `llama.cpp through node-llama-cpp ${r.llama}, library ${r.library}, ${r.flashAttention ? 'flash attention' : 'no flash attention'}, one text at a time, ids given (the faster of its public call and its addon)`,
  `${[...new Set(r.cells.map((c) => c.rounds))].join(' or ')} alternating rounds; tokens/s are medians, ratios are medians of the rounds' ratios with their lowest and highest`,
  loadLine(r.cells),
];

function rows(report) {
  const sides = [...new Set(report.cells.flatMap((c) => Object.keys(c.results)))].filter((s) => s !== 'llama');
  const head = ['model', 'type', 'tokens', 'threads', 'llama.cpp', ...sides.flatMap((s) => [`${s}`, '× llama.cpp'])];
  const body = report.cells.map((c) => [
    c.model,
    c.type,
    String(c.tokensPerText),
    String(c.threads),
    String(Math.round(c.results.llama.tokensPerSecond)),
    ...sides.flatMap((s) => {
      const r = c.results[s];
      return r
        ? [String(Math.round(r.tokensPerSecond)), `${r.ratio.toFixed(2)} (${r.low.toFixed(2)}-${r.high.toFixed(2)})`]
        : ['', ''];
    }),
  ]);
  return [head, ...body];
}

const meanLines = ({ means }) => means.map(({ side, base, mean }) => `${side}: ${mean.toFixed(2)} × ${base}`);
const meanTitle = ({ cells }) =>
  `Geometric means over ${meanLengths.filter((n) => cells.some((c) => c.tokensPerText === n)).join(', ')} tokens, one thread`;

/** `high on 2 threads over one: 1.90 (8), 1.93 (32), …` */
const scalingLines = ({ scaling }) =>
  scaling.map(({ side, threads, gains }) => {
    const name = side === 'llama' ? 'llama.cpp' : side;
    return `${name} on ${threads} threads over one: ${gains.map((g) => `${g.mean.toFixed(2)} (${g.tokensPerText})`).join(', ')}`;
  });
const scalingTitle = 'What more threads are worth (tokens a text)';

export function printTable(report) {
  const table = rows(report);
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  console.log(`\n${heading(report).join('\n')}\n`);
  for (const row of table)
    console.log(row.map((text, i) => (i < 2 ? text.padEnd(widths[i]) : text.padStart(widths[i]))).join('  '));
  if (report.means.length > 0) console.log(`\n${meanTitle(report)}:\n  ${meanLines(report).join('\n  ')}`);
  if (report.scaling.length > 0) console.log(`\n${scalingTitle}:\n  ${scalingLines(report).join('\n  ')}`);
}

/** Puts the report into a file of results, in place of the section of the same command and Node, else at the end. */
export function writeSection(file, report) {
  const before = existsSync(file) ? readFileSync(file, 'utf8') : preface;
  const title = `## \`${report.command}\`, Node ${/\d+/.exec(report.node)[0]}\n`;
  const [start, ...sections] = before.split(/^(?=## )/m);
  const at = sections.findIndex((section) => section.startsWith(title));
  sections.splice(at < 0 ? sections.length : at, 1, `${title}\n${markdown(report)}`);
  writeFileSync(file, `${[start, ...sections].map((part) => part.trimEnd()).join('\n\n')}\n`);
}

const preface = `# Results of \`npm run bench\`

Each section was written by its command with \`--write\` added. Compare within one table only: machines differ, and these were shared with others.

`;

function markdown(report) {
  const [head, ...body] = rows(report);
  return [
    ...heading(report).map((line) => `- ${line}`),
    '',
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---').join('|')}|`,
    ...body.map((row) => `| ${row.join(' | ')} |`),
    '',
    ...(report.means.length > 0
      ? [`${meanTitle(report)}:`, '', ...meanLines(report).map((line) => `- ${line}`), '']
      : []),
    ...(report.scaling.length > 0
      ? [`${scalingTitle}:`, '', ...scalingLines(report).map((line) => `- ${line}`), '']
      : []),
  ].join('\n');
}
