/**
 * @file Texts with their similarities; a click chooses one.
 */
import type { Neighbour } from '../maths/layout-worker.ts';
import { Thumbnail } from '../pictures/thumbnail.tsx';
import { scoreText } from '../words/words.ts';

/** What the list shows. */
interface NearestListProps {
  readonly texts: readonly string[];
  readonly nearest: readonly Neighbour[];
  readonly onChoose: (index: number) => void;
}

/** Best first. */
export function NearestList({ texts, nearest, onChoose }: NearestListProps) {
  return (
    <ol class="nearest">
      {nearest.map(({ index, similarity }) => (
        <li key={index}>
          <button type="button" onClick={() => onChoose(index)}>
            <b>{scoreText(similarity)}</b> <Thumbnail index={index} />
            {texts[index]}
          </button>
        </li>
      ))}
    </ol>
  );
}
