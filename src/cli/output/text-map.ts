/**
 * @file The page of `embed --html`.
 */
import type { Embeddings, ModelInfo } from '../../engine/index.ts';
import type { Pooling } from '../../models/pooling-types.ts';
import { log } from '../log.ts';
import { plural } from '../plural.ts';
import { UsageError } from '../usage-error.ts';

/** @throws UsageError for results without similarities: a single text, scores, token vectors */
export function requireMappable(texts: readonly string[], pooling: Pooling): void {
  if (texts.length < 2) throw new UsageError('--html compares texts; give several, one a line');
  if (pooling === 'rank' || pooling === 'none')
    throw new UsageError(`--html needs one vector for each text; with pooling ${pooling} there is none`);
}

/** Writes the page of texts. */
export async function writeTextMap(
  file: string,
  info: ModelInfo,
  texts: readonly string[],
  { vectors }: Embeddings,
): Promise<void> {
  const { textMapData } = await import('../../audit/text-map/data.ts');
  const { textMapPage } = await import('../../audit/text-map/page.ts');
  const { writeWhole } = await import('./write-whole.ts');
  const name = `${info.name} (${info.architecture}, ${info.ftype})`;
  const page = await textMapPage(textMapData(name, texts, vectors));
  await writeWhole(file, [new TextEncoder().encode(page)]);
  log(`wrote ${file}: ${plural(texts.length, 'text')}`);
}
