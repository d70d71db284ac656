/**
 * @file The target of a request as llama-server reads it: the text of the path decides about the route, and a host, in the
 * target or in a header, decides about nothing.
 */

/** What has to be rewritten before a URL is made of a target. */
const special = /[\\#]|\/(?:\.|%2e)/i;

/**
 * A target from which a URL can be made whose path is that of the target: a URL would resolve `/..`, and take `\` for `/`.
 * Those become segments that no route has.
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
