/**
 * @file Rows of texts separated by commas or tabs.
 */

/**
 * The rows of a CSV text (RFC 4180: fields in double quotes may contain line breaks) or of a tab-separated text, in which quotes are plain
 * characters. Tabs separate if the first line contains one. Empty lines are skipped.
 */
export function separatedRows(text: string): string[][] {
  const [first] = text.split('\n', 1);
  if (first.includes('\t')) {
    const lines = text.split(/\r?\n/);
    return lines.filter((line) => line !== '').map((line) => line.split('\t'));
  }
  const rows: string[][] = [];
  let row: string[] = [];
  // A field, quoted or not, and what ends it.
  for (const [all, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^,\n]*?))(,|\r?\n|$)/gy)) {
    if (all === '' && row.length === 0) break;
    row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
    if (end === '') break;
  }
  return rows;
}
