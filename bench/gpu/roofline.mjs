/**
 * @file The roofline of a forward: for each kind of launch its operations and bytes, what the device needs for them at best, and the share of
 * that which it reaches. `work.mjs` knows the work of each kernel.
 */

/** The arithmetic that bounds a kernel, in GFLOP/s. */
function peakOf(kernel, ceilings) {
  if (/^matmul.* int8/.test(kernel)) return ceilings.int8;
  if (/^(matmul|attention).* matrix/.test(kernel)) return ceilings.matrix;
  return ceilings.float;
}

/**
 * One row for each kind of launch: the layers of a model are added up. Rows with most time to gain come first.
 * @param timings `{ label, kernel, nanoseconds }` of each launch, in order; without timestamps `nanoseconds` is undefined
 * @param work of each launch (`workOf`)
 * @param ceilings `{ copyGBs, float, int8, matrix }`
 */
export function roofline(timings, work, ceilings) {
  const rows = new Map();
  timings.forEach(({ label, kernel, nanoseconds }, i) => {
    const what = label.replace(/[-.]\d+/g, '');
    const key = `${what} | ${kernel}`;
    const { flops, bytes } = work[i];
    const byArithmetic = flops / peakOf(kernel, ceilings);
    const byMemory = bytes / ceilings.copyGBs;
    const row = rows.get(key) ?? {
      what,
      kernel,
      launches: 0,
      flops: 0,
      bytes: 0,
      limitNs: 0,
      arithmeticNs: 0,
      memoryNs: 0,
    };
    row.launches++;
    row.flops += flops;
    row.bytes += bytes;
    row.arithmeticNs += byArithmetic;
    row.memoryNs += byMemory;
    row.limitNs += Math.max(byArithmetic, byMemory);
    if (nanoseconds !== undefined) row.nanoseconds = (row.nanoseconds ?? 0) + nanoseconds;
    rows.set(key, row);
  });
  const gain = ({ nanoseconds = 0, limitNs }) => nanoseconds - limitNs;
  return [...rows.values()]
    .map((row) => ({
      ...row,
      intensity: row.flops / row.bytes,
      bound: row.arithmeticNs > row.memoryNs ? 'arithmetic' : 'memory',
      reached: row.nanoseconds === undefined ? undefined : row.limitNs / row.nanoseconds,
    }))
    .sort((a, b) => gain(b) - gain(a));
}

/** The rows as lines of text, and what falls short most. */
export function rooflineText(rows) {
  const total = rows.reduce((sum, { nanoseconds = 0 }) => sum + nanoseconds, 0);
  const cell = (text, width) => String(text).padStart(width);
  const micro = (ns) => (ns === undefined ? '–' : (ns / 1000).toFixed(1));
  const percent = (share) => (share === undefined || !Number.isFinite(share) ? '–' : `${(100 * share).toFixed(0)} %`);
  const head = ['launch'.padEnd(44), 'n', 'MFLOP', 'MB', 'flop/byte', 'bound', 'limit µs', 'µs', 'of time', 'reached'];
  const widths = [44, 4, 10, 9, 10, 11, 10, 10, 8, 8];
  const lines = rows.map(({ what, launches, flops, bytes, intensity, bound, limitNs, nanoseconds, reached }) => {
    const share = nanoseconds === undefined ? undefined : nanoseconds / total;
    const cells = [launches, (flops / 1e6).toFixed(2), (bytes / 1e6).toFixed(2), intensity.toFixed(1), bound];
    return [what.padEnd(44), ...[...cells, micro(limitNs), micro(nanoseconds), percent(share), percent(reached)]]
      .map((text, i) => cell(text, widths[i]))
      .join(' ');
  });
  const short = rows.filter(({ nanoseconds = 0, limitNs }) => nanoseconds > limitNs).slice(0, 3);
  const summary = short.map(({ what, nanoseconds, limitNs }) => `${what} (${micro(nanoseconds - limitNs)} µs)`);
  return [
    head.map((text, i) => cell(text, widths[i])).join(' '),
    ...lines,
    summary.length === 0 ? 'no times were measured' : `most time above the limit: ${summary.join(', ')}`,
  ];
}
