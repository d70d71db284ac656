/**
 * @file Compiles the AssemblyScript kernels, embeds them as text in `src/kernels/wasm/module.generated.ts`, and writes their
 * signatures to `kernels.generated.ts`. Compiles the loops of the tokenizer into `src/tokenizer/module.generated.ts`.
 *
 * Two modules of kernels: plain SIMD, and relaxed SIMD. Both import a shared memory; `kernels.ts` changes the one byte that
 * says so where memory is not shared. Runs alone (`node scripts/build-wasm.mjs`) and from the build; does nothing when the
 * outputs are newer than every source.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const folder = new URL('src/kernels/wasm/assembly/', root);
const output = new URL('src/kernels/wasm/module.generated.ts', root);
const signatures = new URL('src/kernels/wasm/kernels.generated.ts', root);
const tokenizer = new URL('src/tokenizer/assembly/', root);
const tokenizerOutput = new URL('src/tokenizer/module.generated.ts', root);
const scripts = [new URL(import.meta.url), new URL('kernel-signatures.mjs', import.meta.url)];

const flags = (relaxed) => [
  'index.ts',
  '--optimizeLevel=3',
  '--shrinkLevel=0',
  '--noAssert',
  '--runtime=stub',
  '--importMemory',
  '--noExportMemory',
  '--sharedMemory',
  '--initialMemory=1',
  '--maximumMemory=65536',
  '--enable=simd',
  '--enable=threads',
  ...(relaxed ? ['--enable=relaxed-simd'] : []),
  '--use=abort=',
  '--outFile=module.wasm',
];

const tokenizerFlags = [
  'index.ts',
  '--optimizeLevel=3',
  '--shrinkLevel=1',
  '--noAssert',
  '--runtime=stub',
  '--importMemory',
  '--noExportMemory',
  '--initialMemory=0',
  '--use=abort=',
  '--outFile=module.wasm',
];

async function compile(asc, folder, flags) {
  let bytes;
  const { error, stderr } = await asc.main(flags, {
    readFile: (name, base) => {
      try {
        return readFileSync(new URL(name, base === '.' ? folder : new URL(`${base}/`, folder)), 'utf8');
      } catch {
        return null;
      }
    },
    writeFile: (_name, contents) => {
      bytes = contents;
    },
    listFiles: () => [],
  });
  if (error) throw new Error(`AssemblyScript: ${error.message}\n${stderr.toString()}`);
  return Buffer.from(bytes);
}

async function exportsOf(bytes) {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  return (await WebAssembly.instantiate(bytes, { env: { memory } })).instance.exports;
}

/** Compiles what is out of date. */
export async function buildWasm() {
  const newest = Math.max(
    ...scripts.map((script) => statSync(script).mtimeMs),
    ...[folder, tokenizer].flatMap((of) => readdirSync(of).map((name) => statSync(new URL(name, of)).mtimeMs)),
  );
  if (
    [output, signatures, tokenizerOutput].every((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs > newest)
  )
    return;
  const asc = await import('assemblyscript/asc');
  const plain = await compile(asc, folder, flags(false));
  const relaxed = await compile(asc, folder, flags(true));
  const texts = await compile(asc, tokenizer, tokenizerFlags);
  const { kernelSignatures, kernelsSource } = await import('./kernel-signatures.mjs');
  writeFileSync(signatures, kernelsSource(kernelSignatures(folder), await exportsOf(plain)));
  const text = (bytes) => `'${bytes.toString('base64')}'`;
  writeFileSync(
    output,
    '/** @file The compiled kernels. Made by scripts/build-wasm.mjs; do not edit. */\n' +
      `export const plainModule: string =\n  ${text(plain)};\n` +
      `export const relaxedModule: string =\n  ${text(relaxed)};\n`,
  );
  writeFileSync(
    tokenizerOutput,
    '/** @file The compiled loops of the tokenizer. Made by scripts/build-wasm.mjs; do not edit. */\n' +
      `export const textsModule: readonly number[] = [${texts.join(', ')}];\n`,
  );
  return { plain: plain.length, relaxed: relaxed.length, texts: texts.length };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const made = await buildWasm();
  console.error(
    made
      ? `kernels: ${made.plain} bytes plain, ${made.relaxed} bytes relaxed SIMD; tokenizer: ${made.texts} bytes`
      : 'kernels are up to date',
  );
}
