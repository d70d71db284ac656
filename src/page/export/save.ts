/**
 * @file Gives the reader a file.
 */

/** Lets the browser save a file under a name. */
export function save(name: string, content: Blob | string | Uint8Array<ArrayBuffer>): void {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content]));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
