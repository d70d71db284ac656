/**
 * @file The command `fingerprint`.
 */
import { digestVectors } from '../../audit/fingerprint/digest.ts';
import { requireModel } from '../input/input.ts';
import { log } from '../log.ts';
import { loadEmbedder } from '../model/load.ts';
import type { OptionValues } from '../options/option-table.ts';
import type { Parsed } from '../options/parse-options.ts';
import { forTerminal, write } from '../output/write.ts';
import { UsageError } from '../usage-error.ts';

/** Prints digests of vectors; the exit code is 1 if `--check` names another one. */
export async function fingerprint(parsed: Parsed): Promise<void> {
  const { values } = parsed;
  const wanted = values.check?.toLowerCase();
  if (wanted !== undefined && !/^[0-9a-f]{64}$/.test(wanted)) {
    throw new UsageError(`--check must be the 64 hexadecimal digits of a digest, not "${values.check}"`);
  }
  const path = await requireModel(parsed).locate();
  if (!values.reproducible && wanted === undefined) await printDigest(path, values);
  if (!values.reproducible && wanted === undefined && !reproduces(values)) {
    log(`reproducible: not with --backend ${values.backend}; --backend wasm computes it`);
    return;
  }
  const found = await printDigest(path, { ...values, reproducible: true });
  if (wanted === undefined || found === wanted) return;
  log(`the digest is not ${wanted}`);
  process.exitCode = 1;
}

/** Whether the chosen backend can give the same bits everywhere. */
function reproduces({ backend }: OptionValues): boolean {
  return backend === 'auto' || backend === 'wasm';
}

async function printDigest(path: string, values: OptionValues): Promise<string> {
  const embedder = await loadEmbedder(path, values);
  try {
    const digest = await digestVectors(embedder);
    const mode = values.reproducible ? 'reproducible' : 'default';
    await write(forTerminal(`${mode} ${digest} ${embedder.info.precision}, ${embedder.info.backendDescription}\n`));
    return digest;
  } finally {
    await embedder.dispose();
  }
}
