/**
 * @file Interprets the target of a request as llama-server does: the text of the path selects the route. A host has no effect,
 * neither in the target nor in a header.
 */

/** What needs rewriting. */
const special = /[\\#]|\/(?:\.|%2e)/i;

/**
 * Path and query of a target. `/..` and `\`, by which a path could lead elsewhere than it says, become segments that no route has.
 * @param target as in the request line: `/path?query`, `http://host/path?query` or `*`
 */
export function originForm(target: string): string {
  if (target.startsWith('/') && !special.test(target)) return target;
  const local = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/#.*/s, '');
  const queryAt = local.includes('?') ? local.indexOf('?') : local.length;
  const path = local
    .slice(0, queryAt)
    .replaceAll('\\', '%5C')
    .replace(/(?<=\/)(?:\.|%2e){1,2}(?=\/|$)/gi, (dots) => dots.replaceAll('%', '%25').replaceAll('.', '%252e'));
  return `${path.startsWith('/') ? '' : '/'}${path}${local.slice(queryAt)}`;
}
