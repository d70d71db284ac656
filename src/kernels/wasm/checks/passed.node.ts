/**
 * @file Keeps which compiled kernels have passed their check at start-up, so that a later start on the same CPU and V8 need not check them
 * again. A file that cannot be read or written is as if it were absent. Kernels that fail are checked again each time.
 *
 * One small JSON file for each version of V8. It is written under another name and then renamed, so that it is always whole; of two programs
 * that write at the same time, one checks again later.
 */
const fs = process.getBuiltinModule('node:fs');
const { cpus } = process.getBuiltinModule('node:os');
const { join } = process.getBuiltinModule('node:path');
const { cachedDataVersionTag } = process.getBuiltinModule('node:v8');

/** Modules that a file names; older ones are forgotten. */
const MOST = 16;

/** The record of one module. */
export interface PassedCheck {
  /** Whether these bytes have passed before. */
  readonly isKnown: boolean;
  /** Remembers that they have passed. */
  keep(): void;
}

/**
 * Looks a module up.
 * @param folder where the file lies; made by `keep`
 * @param bytes the module as it is compiled
 * @param about what else the machine code depends on; default: V8 with its flags and the features of the CPU that it knows, and the CPU
 */
export function passedCheck(folder: string, bytes: Uint8Array, about = machine()): PassedCheck {
  const path = join(folder, `kernels-v8-${process.versions.v8}.json`);
  const digest = `${hashOf(bytes)} of ${about}`;
  return {
    isKnown: readPassed(path).includes(digest),
    keep() {
      const fresh = `${path}.${process.getBuiltinModule('node:crypto').randomUUID()}`;
      try {
        fs.mkdirSync(folder, { recursive: true });
        try {
          fs.writeFileSync(fresh, JSON.stringify([...readPassed(path), digest].slice(-MOST)));
          fs.renameSync(fresh, path);
        } finally {
          fs.rmSync(fresh, { force: true });
        }
      } catch {
        // The next start checks again.
      }
    },
  };
}

/** The flags count as they are when a module is compiled. */
function machine(): string {
  return [process.versions.v8, process.arch, cachedDataVersionTag(), cpus()[0]?.model].join('\n');
}

/** 64 bits of a hash, and the length. To load Node's cryptography would take 4 ms of a start. */
function hashOf(bytes: Uint8Array): string {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [a, b] = [0x811c9dc5, 0x9747b28c];
  const add = (word: number) => {
    a = Math.imul(a ^ word, 0x01000193);
    a ^= a >>> 13;
    b = Math.imul(b ^ word, 0x5bd1e995);
    b ^= b >>> 15;
  };
  const nWords = bytes.length >> 2;
  for (let i = 0; i < nWords; i++) add(words.getUint32(4 * i, true));
  for (let i = 4 * nWords; i < bytes.length; i++) add(bytes[i]);
  return [a, b, bytes.length].map((number) => (number >>> 0).toString(16)).join('-');
}

function readPassed(path: string): readonly string[] {
  try {
    const found: unknown = JSON.parse(fs.readFileSync(path, 'utf8'));
    return Array.isArray(found) ? found.filter((entry) => typeof entry === 'string') : [];
  } catch {
    return [];
  }
}
