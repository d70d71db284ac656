/**
 * @file Work ahead of what is consumed: the backend must not wait while results are written.
 */

/**
 * Applies `work` to the items of `source`, up to `nAhead` at a time, and gives the results in the order of the items.
 * @throws what `source` and `work` throw, after the results before it
 */
export async function* inOrder<T, R>(
  source: AsyncIterable<T>,
  nAhead: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const ahead: Promise<R>[] = [];
  try {
    for await (const item of source) {
      const result = work(item);
      // It is awaited in order; until then a failure must not count as unhandled.
      result.catch(() => {});
      ahead.push(result);
      if (ahead.length === nAhead) yield await (ahead.shift() as Promise<R>);
    }
    for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) yield await next;
  } finally {
    await Promise.allSettled(ahead);
  }
}
