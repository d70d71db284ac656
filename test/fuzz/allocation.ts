/**
 * @file Counts the memory that typed arrays and array buffers take while something runs.
 */

const names = [
  'ArrayBuffer',
  'Uint8Array',
  'Int8Array',
  'Uint16Array',
  'Int16Array',
  'Uint32Array',
  'Int32Array',
  'Float32Array',
  'Float64Array',
  'BigUint64Array',
  'BigInt64Array',
] as const;

/**
 * From now on every allocation is counted. What is freed is not taken off again: the sum is an upper bound of what is
 * held at any time.
 * @returns the bytes allocated since the last call
 */
export function countAllocations(): () => number {
  let bytes = 0;
  for (const name of names) {
    const Original = globalThis[name] as unknown as new (...args: unknown[]) => ArrayBufferView | ArrayBuffer;
    const counting = new Proxy(Original, {
      construct(target, args, newTarget) {
        const made = Reflect.construct(target, args, newTarget) as ArrayBufferView | ArrayBuffer;
        if (!(args[0] instanceof ArrayBuffer)) bytes += made.byteLength;
        return made;
      },
    });
    Object.defineProperty(globalThis, name, { value: counting, configurable: true, writable: true });
  }
  return () => {
    const counted = bytes;
    bytes = 0;
    return counted;
  };
}
