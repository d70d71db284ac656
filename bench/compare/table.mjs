// The report of a comparison as a table: for a terminal and for bench/RESULTS.md.

const heading = (r) => [
  `${r.cpu}, ${r.cores} cores, ${r.system}; ${r.date}`,
  `gguf-embed on Node ${r.node}${r.packing ? '' : ' without 256-bit packing'}: ${r.ours?.description ?? ''}`,
  `llama.cpp through node-llama-cpp ${r.llama}, library ${r.library}, one text at a time, ids given (the faster of its public call and its addon)`,
  `${r.rounds} alternating rounds; tokens/s are medians, ratios are medians of the rounds' ratios with their lowest and highest`,
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

const means = (report) =>
  Object.entries(report.geometricMeans)
    .map(([side, mean]) => `${side} ${mean.toFixed(2)} × llama.cpp`)
    .join(', ');

export function printTable(report) {
  const table = rows(report);
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  console.log(`\n${heading(report).join('\n')}\n`);
  for (const row of table)
    console.log(row.map((text, i) => (i < 2 ? text.padEnd(widths[i]) : text.padStart(widths[i]))).join('  '));
  console.log(`\nGeometric mean over 32, 128 and 512 tokens, one thread: ${means(report)}`);
}

export function markdown(report) {
  const [head, ...body] = rows(report);
  return [
    '# Results of `npm run bench`',
    '',
    'Written by `npm run bench -- --write`. Compare within one table only: machines differ.',
    '',
    ...heading(report).map((line) => `- ${line}`),
    '',
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---').join('|')}|`,
    ...body.map((row) => `| ${row.join(' | ')} |`),
    '',
    `Geometric mean over 32, 128 and 512 tokens, one thread: ${means(report)}.`,
    '',
  ].join('\n');
}
