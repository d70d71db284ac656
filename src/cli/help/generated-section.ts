/**
 * @file Sections of documents that are made from a table, between two comments.
 */

const END = '<!-- end -->';

/**
 * Replaces such a section of a page.
 * @param source what it is made from, as the first comment says
 * @throws Error if the page lacks the comments
 */
export function withSection(page: string, source: string, section: string): string {
  const comment = `<!-- Made from ${source} by \`npx vitest run test/cli/docs.test.ts -u\`: begin. -->`;
  const begin = page.indexOf(comment);
  const end = page.indexOf(END, begin);
  if (begin < 0 || end < 0) throw new Error(`the page has no "${comment}" before an "${END}"`);
  return `${page.slice(0, begin + comment.length)}\n\n${section}\n\n${page.slice(end)}`;
}
