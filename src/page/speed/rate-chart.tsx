/**
 * @file Tokens a second over the last two minutes, as a line.
 */
import { numberText, t } from '../words/words.ts';
import { KEPT, type Reading } from './use-speed.ts';

const WIDTH = 600;
const HEIGHT = 120;

/** A line from the oldest reading to the newest one, which is at the right. */
export function RateChart({ readings }: { readings: readonly Reading[] }) {
  const most = Math.max(1, ...readings.map(({ clock }) => clock));
  const x = (i: number) => WIDTH - ((readings.length - 1 - i) * WIDTH) / (KEPT - 1);
  const y = (rate: number) => HEIGHT - 4 - (rate / most) * (HEIGHT - 8);
  const points = readings.map(({ clock }, i) => `${x(i).toFixed(1)},${y(clock).toFixed(1)}`).join(' ');
  const now = readings.at(-1)?.clock ?? 0;
  return (
    <figure class="rate">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={t('rateLabel', { now: numberText(now), most: numberText(most) })}
      >
        <polyline points={points} />
      </svg>
      <figcaption class="hint">{t('rateHint', { most: numberText(most) })}</figcaption>
    </figure>
  );
}
