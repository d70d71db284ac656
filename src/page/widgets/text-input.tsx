/**
 * @file Where texts come from: a field to type in, a file, or an example.
 */
import { useSignal } from '@preact/signals';
import { typedTexts } from '../dataset.ts';
import { readFile } from '../maths/read-file.ts';
import { PictureInput } from '../pictures/picture-input.tsx';
import { dataset, report } from '../state.ts';
import { language, t } from '../words/words.ts';
import { DropZone } from './drop-zone.tsx';

const examples = {
  en: [
    'A cat sleeps on the sofa.',
    'The kitten chases a ball of wool.',
    'Dogs need a long walk every day.',
    'The central bank raised interest rates.',
    'Shares fell after the report on inflation.',
    'The euro gained against the dollar.',
    'Boil the pasta in salted water.',
    'Add garlic and a little olive oil.',
    'Bake the bread until its crust is brown.',
  ],
  de: [
    'Eine Katze schläft auf dem Sofa.',
    'Das Kätzchen jagt ein Wollknäuel.',
    'Hunde brauchen jeden Tag einen langen Spaziergang.',
    'Die Zentralbank hat die Zinsen erhöht.',
    'Die Aktien fielen nach dem Bericht über die Inflation.',
    'Der Euro gewann gegenüber dem Dollar.',
    'Die Nudeln in Salzwasser kochen.',
    'Knoblauch und etwas Olivenöl dazugeben.',
    'Das Brot backen, bis die Kruste braun ist.',
  ],
};

/** Texts about three subjects, in the language of the reader. */
export const exampleTexts: readonly string[] = examples[language];

/** Sets the texts, and the pictures, of all views. */
export function TextInput({ isTextOnly = false }: { isTextOnly?: boolean }) {
  const { name, texts } = dataset.value;
  const typed = useSignal(name === undefined ? texts.join('\n') : '');
  const type = (value: string) => {
    typed.value = value;
    dataset.value = typedTexts(value);
  };
  const open = async (file: File) => {
    try {
      dataset.value = await readFile(file);
    } catch (error) {
      report(error);
    }
  };
  return (
    <div class="text-input">
      {name === undefined ? (
        <label>
          {t('input')}
          <textarea rows={6} value={typed.value} onInput={({ currentTarget }) => type(currentTarget.value)} />
        </label>
      ) : (
        <p>{t('fromFile', { count: texts.length, name })}</p>
      )}
      <DropZone label={t('chooseTexts')} accept=".txt,.csv,.tsv,.jsonl,.ndjson" onFile={open}>
        <span class="hint">{t('dropTexts')}</span>
      </DropZone>
      <div class="controls">
        <button type="button" onClick={() => type(exampleTexts.join('\n'))}>
          {t('example')}
        </button>
        <button type="button" onClick={() => type('')} disabled={texts.length === 0}>
          {t('clear')}
        </button>
      </div>
      {!isTextOnly && <PictureInput />}
    </div>
  );
}
