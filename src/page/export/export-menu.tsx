/**
 * @file The buttons that save what is on screen.
 */
import { t } from '../words/words.ts';
import { type ExportData, jsonlFile, npyFile, projectorMetadata, projectorVectors } from './formats.ts';
import { save } from './save.ts';

/** What can be saved. */
interface ExportMenuProps {
  /** Made when a button is pressed. */
  readonly data: () => ExportData;
  /** More buttons. */
  readonly pictures?: Readonly<Record<string, () => void>>;
}

const formats: readonly (readonly [name: string, write: (data: ExportData) => string | Uint8Array<ArrayBuffer>])[] = [
  ['vectors.npy', npyFile],
  ['vectors.jsonl', jsonlFile],
  ['vectors.tsv', projectorVectors],
  ['metadata.tsv', projectorMetadata],
];

/** One button for each file. */
export function ExportMenu({ data, pictures = {} }: ExportMenuProps) {
  return (
    <details>
      <summary>{t('export')}</summary>
      <p class="hint">{t('exportHint')}</p>
      <div class="controls">
        {formats.map(([name, write]) => (
          <button key={name} type="button" onClick={() => save(name, write(data()))}>
            {name}
          </button>
        ))}
        {Object.entries(pictures).map(([name, draw]) => (
          <button key={name} type="button" onClick={draw}>
            {name}
          </button>
        ))}
      </div>
    </details>
  );
}
