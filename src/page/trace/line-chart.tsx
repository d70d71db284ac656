/**
 * @file Numbers as lines.
 */

/** What the chart shows. */
interface LineChartProps {
  /** The numbers, for people who do not see the lines. */
  readonly label: string;
  readonly values: readonly number[];
  /** A thin line beside them. */
  readonly mean?: readonly number[];
}

/** Lines from the least to the largest value, 0 included. */
export function LineChart({ label, values, mean = [] }: LineChartProps) {
  const all = [0, ...values, ...mean];
  const low = all.reduce((least, value) => Math.min(least, value));
  const range = all.reduce((most, value) => Math.max(most, value)) - low || 1;
  const path = (line: readonly number[]) =>
    line
      .map((value, i) => {
        const [x, y] = [(1000 * i) / Math.max(1, line.length - 1), 98 - (96 * (value - low)) / range];
        return `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(2)}`;
      })
      .join('');
  return (
    <svg class="lines" viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label={label}>
      {mean.length > 0 && <path class="mean" d={path(mean)} />}
      <path d={path(values)} />
    </svg>
  );
}
