/**
 * @file The adapters of the installed package, each under its framework: with the versions that this clone has, and with CI=true under the
 * newest ones, from the registry. Without a framework, its adapter says what is missing.
 */
import { cp, mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { bundled, describeInstalled, folder, run } from './project.ts';
import { npm } from './setup.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

const require = createRequire(import.meta.url);
const modules = fileURLToPath(new URL('../../node_modules', import.meta.url));
const hasNewest = process.env.CI === 'true';
if (!hasNewest) console.warn('tests under the newest frameworks are skipped: they run with CI=true');

/** Version 7 of the AI SDK needs Node 22. */
const newestAi = Number(process.versions.node.split('.')[0]) >= 22 ? 'ai@latest' : 'ai@6';

const program = `
import { embedMany, rerank } from 'ai';
import { Document } from '@langchain/core/documents';
import type { EmbeddingsInterface } from '@langchain/core/embeddings';
import { MetadataMode, TextNode } from '@llamaindex/core/schema';
import { knownEmbeddingFunctions, type EmbeddingFunction } from 'chromadb';
import { Embedder } from 'gguf-embed';
import { embeddingModel, rerankingModel } from 'gguf-embed/ai';
import { GgufEmbeddingFunction } from 'gguf-embed/chromadb';
import { GgufEmbeddings, GgufReranker } from 'gguf-embed/langchain';
import { GgufEmbedding, GgufReranker as NodeReranker } from 'gguf-embed/llamaindex';

const model = '${bundled}';
const reranker = 'bert-rank.gguf';
const texts = ['hello', 'another text'];
const embedder = await Embedder.load(model);
const embeddings: EmbeddingsInterface = new GgufEmbeddings({ model: embedder });
const chroma: EmbeddingFunction = new GgufEmbeddingFunction({ model: embedder });
const vectors: number[][][] = [
  (await embedMany({ model: embeddingModel(embedder), values: texts })).embeddings,
  await embeddings.embedDocuments(texts),
  await new GgufEmbedding({ model: embedder }).getTextEmbeddingsBatch(texts),
  await chroma.generate(texts),
];
const expected = JSON.stringify((await embedder.embed(texts)).vectors.map((vector) => Array.from(vector)));
const ofModel = rerankingModel(reranker);
const ofDocuments = new GgufReranker({ model: reranker });
const ofNodes = new NodeReranker({ model: reranker });
const best: (string | undefined)[] = [
  (await rerank({ model: ofModel, query: 'q', documents: texts })).rerankedDocuments[0],
  (await ofDocuments.compressDocuments(texts.map((pageContent) => new Document({ pageContent })), 'q'))[0].pageContent,
  (await ofNodes.postprocessNodes(texts.map((text) => ({ node: new TextNode({ text }) })), 'q'))[0].node.getContent(MetadataMode.NONE),
];
await Promise.all([ofModel, ofDocuments, ofNodes, embedder].map((each) => each.dispose()));
console.log(JSON.stringify({
  same: vectors.map((each) => JSON.stringify(each) === expected),
  best: new Set(best).size,
  registered: knownEmbeddingFunctions.has('gguf-embed'),
}));
// @ts-expect-error: no such side
export const wrong = () => embeddingModel(embedder, { side: 'queries' });
`;

/** A project with the package, the models and this program. */
async function newProject(name: string): Promise<string> {
  const home = join(folder, '..', name);
  await mkdir(home);
  await writeFile(join(home, 'package.json'), '{ "name": "frameworks", "private": true, "type": "module" }\n');
  for (const model of [bundled, 'bert-rank.gguf']) await cp(join(folder, model), join(home, model));
  await writeFile(join(home, 'use.ts'), program);
  const strict = { strict: true, target: 'es2022', module: 'nodenext', skipLibCheck: true, types: [] };
  await writeFile(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions: strict, files: ['use.ts'] }));
  return home;
}

describeInstalled('the adapters of the installed package', () => {
  describe.for(['own', ...(hasNewest ? ['newest'] : [])])('with the %s versions of the frameworks', (version) => {
    let home: string;
    beforeAll(async () => {
      home = await newProject(`frameworks-${version}`);
      if (version === 'newest') {
        const frameworks = ['@langchain/core@latest', '@llamaindex/core@latest', 'chromadb@latest', newestAi, 'zod@4'];
        await npm(home, 'install', '--prefer-offline', inject('packed').tarball, ...frameworks);
        return;
      }
      await cp(join(folder, 'node_modules'), join(home, 'node_modules'), { recursive: true });
      for (const name of ['@langchain/core', '@llamaindex/core', 'chromadb', 'ai6']) {
        const link = join(home, 'node_modules', name);
        await mkdir(dirname(link), { recursive: true });
        await symlink(join(modules, name), link);
      }
      await rename(join(home, 'node_modules/ai6'), join(home, 'node_modules/ai'));
    });

    it('compile and agree with the library, in a process that ends by itself', async () => {
      const compiled = await run(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', home]);
      expect(compiled).toMatchObject({ stdout: '', code: 0 });
      const end = await run(process.execPath, ['use.js'], { cwd: home });
      expect(end, end.stderr).toMatchObject({ code: 0 });
      expect(JSON.parse(end.stdout)).toEqual({ same: [true, true, true, true], best: 1, registered: true });
    });
  });

  it.for([
    ['langchain', '@langchain/core'],
    ['llamaindex', '@llamaindex/core'],
    ['chromadb', 'chromadb'],
  ])('gguf-embed/%s alone says that %s is missing', async ([name, peer]) => {
    const end = await run(process.execPath, ['--input-type=module', '-e', `import 'gguf-embed/${name}'`], {
      cwd: folder,
    });
    expect(end.code).toBe(1);
    expect(end.stderr).toContain(`Cannot find package '${peer}' imported from`);
    expect(end.stderr).toContain(`gguf-embed/dist/integrations/${name}.js`);
  });

  it('gguf-embed/ai needs no package', async () => {
    const text = `import { embeddingModel } from 'gguf-embed/ai'; console.log(embeddingModel('x.gguf').provider);`;
    const end = await run(process.execPath, ['--input-type=module', '-e', text], { cwd: folder });
    expect(end).toMatchObject({ stdout: 'gguf-embed\n', code: 0 });
  });
});
