/**
 * @file The picture of a row, where a list shows rows.
 */
import { embedded } from '../state.ts';

/** A small picture; nothing for a text. Its name stands beside it. */
export function Thumbnail({ index }: { index: number }) {
  const picture = embedded.value?.pictures.get(index);
  return picture === undefined ? null : <img class="thumbnail" src={picture.url} alt="" />;
}
