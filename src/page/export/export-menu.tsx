/**
 * @file The buttons that save what is on screen.
 */
import { layout } from '../maths/layout.ts';
import { report } from '../state.ts';
import { t } from '../words/words.ts';
import type { FileName } from './files.ts';
import { save } from './save.ts';

/** What can be saved. */
interface ExportMenuProps {
  /** Indices of the texts. Default: all. */
  readonly picked?: readonly number[];
  /** More buttons. */
  readonly pictures?: Readonly<Record<string, () => Promise<Blob>>>;
}

const names: readonly FileName[] = ['vectors.npy', 'vectors.jsonl', 'vectors.parquet', 'vectors.tsv', 'metadata.tsv'];

/** One button for each file. */
export function ExportMenu({ picked, pictures = {} }: ExportMenuProps) {
  const files = {
    ...Object.fromEntries(names.map((name) => [name, () => layout.call('export', { name, picked })])),
    ...pictures,
  };
  return (
    <details>
      <summary>{t('export')}</summary>
      <p class="hint">{t('exportHint')}</p>
      <div class="controls">
        {Object.entries(files).map(([name, make]) => (
          <button key={name} type="button" onClick={() => make().then((file) => save(name, file), report)}>
            {name}
          </button>
        ))}
      </div>
    </details>
  );
}
