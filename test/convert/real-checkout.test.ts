/**
 * @file The checkout of all-MiniLM-L6-v2 gives, byte for byte, the F16 file that llama.cpp's converter made of it. The checkout has
 * 90 MB and is not in the repository: models/README.md says where it comes from. The test is left out unless
 * `MINILM_CHECKOUT` names its folder.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { convertFolder } from '../../src/convert/file.node.ts';

const checkout = process.env.MINILM_CHECKOUT;

test.skipIf(!checkout)('all-MiniLM-L6-v2', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'minilm-'));
  try {
    const output = join(folder, 'f16.gguf');
    await convertFolder(checkout!, output, 'F16', { modelName: 'all-MiniLM-L6-v2' });
    expect(createHash('sha256').update(readFileSync(output)).digest('hex')).toBe(
      '3d945b5337dd0f63690a71b8b0387107eb54e8a0f2abcc94a6daf753c9709823',
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
