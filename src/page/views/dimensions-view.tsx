/**
 * @file The view of dimensions: what happens to the neighbours of texts when vectors are cut or stored with fewer bits.
 */
import { useEffect } from 'preact/hooks';
import { setSetting, setting } from '../address.ts';
import { bytesOf, COMPARED, type Encoding, encodings } from '../dimensions/encodings.ts';
import { layout } from '../maths/layout.ts';
import { NEAREST } from '../maths/use-neighbours.ts';
import { Thumbnail } from '../pictures/thumbnail.tsx';
import { embedded, lastRequest, model } from '../state.ts';
import { useLatest } from '../use-latest.ts';
import { ModelHint } from '../widgets/model-hint.tsx';
import { LIST_LIMIT, TextChoice } from '../widgets/text-choice.tsx';
import { TextInput } from '../widgets/text-input.tsx';
import { bytesText, numberText, t } from '../words/words.ts';

/** Texts of an example request. */
const SHOWN = 8;

/** Shows what is kept of the texts that are typed or opened here. */
export function DimensionsView() {
  const current = embedded.value;
  return (
    <>
      <TextInput />
      {current === undefined && <ModelHint />}
      {current !== undefined && current.texts.length < 3 && <p class="hint">{t('needThree')}</p>}
      {current !== undefined && current.texts.length > 2 && (
        <Cuts key={current} texts={current.texts} whole={current.vectors[0].length} />
      )}
    </>
  );
}

/** Half the values again and again: the sizes that models are trained for. */
function halves(whole: number): number[] {
  const sizes: number[] = [];
  for (let size = whole; size >= 8 && sizes.length < 7; size = Math.floor(size / 2)) sizes.push(size);
  return sizes.length > 0 ? sizes : [whole];
}

const percentText = (part: number) => `${numberText(Math.round(1000 * part) / 10)} %`;

function Cuts({ texts, whole }: { texts: readonly string[]; whole: number }) {
  const n = Math.min(texts.length, COMPARED);
  // Of few texts half: all of them are neighbours in every order.
  const count = Math.max(1, Math.min(NEAREST, Math.floor((n - 1) / 2)));
  const size = Math.max(1, Math.min(whole, Number(setting('dims')) || whole));
  const encoding = encodings.find((one) => one === setting('as')) ?? 'float';
  const chosen = Math.max(0, Math.min(Math.min(n, LIST_LIMIT) - 1, Number(setting('row')) || 0));
  const setSize = (value: number) => setSetting('dims', value === whole ? '' : `${value}`);
  const { answer: kept } = useLatest(
    () => layout.call('kept', { index: chosen, count, size, encoding }),
    [chosen, count, size, encoding],
  );
  const sizes = halves(whole);
  const { answer: recalls } = useLatest(() => layout.call('recalls', { count, sizes }), []);
  useEffect(() => {
    if (model.value === undefined) return;
    const body = { model: model.value.name, input: texts.slice(0, SHOWN), dimensions: size, output_dtype: encoding };
    lastRequest.value = { path: 'v1/embeddings', body };
  }, [texts, size, encoding]);
  return (
    <>
      <label class="range">
        {t('cutSize', { size, whole })}
        <input
          type="range"
          min={1}
          max={whole}
          value={size}
          aria-describedby="cut-hint"
          onInput={({ currentTarget }) => setSize(Number(currentTarget.value))}
        />
      </label>
      <label>
        {t('encoding')}{' '}
        <select
          value={encoding}
          onChange={({ currentTarget }) => setSetting('as', currentTarget.value === 'float' ? '' : currentTarget.value)}
        >
          {encodings.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <p class="hint" id="cut-hint">
        {t('cutHint', { count })}
      </p>
      {texts.length > COMPARED && <p class="hint">{t('cutLimit', { count: COMPARED })}</p>}
      <p role="status">
        {kept !== undefined &&
          t('cutResult', {
            count,
            recall: percentText(kept.recall),
            bytes: bytesText(bytesOf(kept.size, kept.encoding)),
            whole: bytesText(bytesOf(whole, 'float')),
          })}
      </p>
      {recalls !== undefined && <Recalls count={count} sizes={sizes} recalls={recalls} onSize={setSize} />}
      <h2>{t('list')}</h2>
      <TextChoice
        texts={texts.slice(0, n)}
        chosen={chosen}
        onChoose={(index) => setSetting('row', index === 0 ? '' : `${index}`)}
      />
      {kept !== undefined && (
        <div class="columns">
          <Marked
            title={t('nearestWhole', { size: whole })}
            texts={texts}
            shown={kept.whole}
            others={kept.nearest}
            missing="lost"
          />
          <Marked
            title={t('nearestCut', { size: kept.size, encoding: kept.encoding })}
            texts={texts}
            shown={kept.nearest}
            others={kept.whole}
            missing="added"
          />
        </div>
      )}
    </>
  );
}

/** What the table shows. */
interface RecallsProps {
  readonly count: number;
  readonly sizes: readonly number[];
  /** For each size, by encoding. */
  readonly recalls: readonly Readonly<Record<Encoding, number>>[];
  readonly onSize: (size: number) => void;
}

function Recalls({ count, sizes, recalls, onSize }: RecallsProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section class="scroll" tabIndex={0} aria-label={t('recallTable', { count })}>
      <table>
        <caption>{t('recallTable', { count })}</caption>
        <thead>
          <tr>
            <th scope="col">{t('dimensions')}</th>
            {encodings.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sizes.map((size, i) => (
            <tr key={size}>
              <th scope="row">
                <button type="button" onClick={() => onSize(size)}>
                  {numberText(size)}
                </button>
              </th>
              {encodings.map((name) => (
                <td key={name}>
                  {percentText(recalls[i][name])} <small>{bytesText(bytesOf(size, name))}</small>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** What a list of neighbours shows. */
interface MarkedProps {
  readonly title: string;
  readonly texts: readonly string[];
  readonly shown: readonly number[];
  /** Those of the other list. */
  readonly others: readonly number[];
  /** The mark of a text that the other list lacks. */
  readonly missing: 'lost' | 'added';
}

function Marked({ title, texts, shown, others, missing }: MarkedProps) {
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <ol class="nearest">
        {shown.map((index) => (
          <li key={index}>
            <span class={others.includes(index) ? 'mark' : `mark ${missing}`}>
              {t(others.includes(index) ? 'keptMark' : missing)}
            </span>{' '}
            <Thumbnail index={index} />
            {texts[index]}
          </li>
        ))}
      </ol>
    </section>
  );
}
