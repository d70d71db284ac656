// Which model files a comparison runs over.
import { existsSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const beside = join(root, '../shared/models');
const cacheFolder = join(root, 'bench/.cache');

/** F32 is made from F16 by the bench itself: it is too large to keep. */
async function madeF32(f16) {
  const path = join(cacheFolder, basename(f16).replace('F16', 'F32'));
  if (!existsSync(path)) {
    mkdirSync(cacheFolder, { recursive: true });
    const { quantizeFile } = await import('../../build/modules/quantize/file.node.js');
    await quantizeFile(f16, path, 'F32');
  }
  return path;
}

/**
 * `{name, type, path}` of each model: synthetic ones of the `shapes` and `types` asked for, or the files named, or those in
 * `folder`, or those in `../shared/models` beside the project, else the bundled one.
 */
export async function findModels({ folder, files = [], shapes = [], types = [] }) {
  if (shapes.length > 0 || types.length > 0) {
    const { makeSynthetic } = await import('./synthetic.mjs');
    const models = [];
    for (const name of shapes.length > 0 ? shapes : ['minilm', 'bge-base']) {
      for (const type of types.length > 0 ? types : ['Q8_0', 'Q4_K_M']) {
        models.push({ name, type, path: await makeSynthetic(name, type, cacheFolder) });
      }
    }
    return models;
  }
  const known = [
    ['MiniLM-L6', 'F16', 'all-MiniLM-L6-v2-F16.gguf'],
    ['MiniLM-L6', 'Q8_0', 'all-MiniLM-L6-v2-Q8_0.gguf'],
    ['MiniLM-L6', 'Q4_K_M', 'all-MiniLM-L6-v2-Q4_K_M.gguf'],
    ['bge-small', 'Q8_0', 'bge-small-en-v1.5-Q8_0.gguf'],
  ];
  if (files.length > 0) {
    return files.map((path) => {
      const name = basename(path, '.gguf');
      const type = /[-.]((?:I?Q\d\w*)|B?F16|F32)$/i.exec(name)?.[1] ?? '?';
      return { name: name.slice(0, type === '?' ? undefined : -type.length - 1), type, path };
    });
  }
  const found = known
    .map(([name, type, file]) => ({ name, type, path: join(folder ?? beside, file) }))
    .filter((m) => existsSync(m.path));
  if (found.length === 0 && folder !== undefined) {
    throw new Error(
      `${folder} has none of ${known.map(([, , file]) => file).join(', ')}: name other files with --model`,
    );
  }
  if (found.length === 0) {
    return [{ name: 'MiniLM-L6', type: 'Q8_0', path: join(root, 'models/all-MiniLM-L6-v2-Q8_0.gguf') }];
  }
  const f16 = found.find((m) => m.type === 'F16');
  if (f16) found.unshift({ name: f16.name, type: 'F32', path: await madeF32(f16.path) });
  return found;
}
