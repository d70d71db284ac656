/**
 * @file Generates the tables of docs/models.md from the table of known models.
 */
import { type KnownModel, knownModels } from '../../hub/known-models.ts';
import type { Prompt, PromptLayout } from '../../hub/known-prompts.ts';
import { withSection } from './generated-section.ts';
import { code, row } from './reference-page.ts';

/**
 * Replaces the tables in docs/models.md.
 * @throws Error if the page lacks the comments around them
 */
export function withKnownModels(page: string): string {
  const section = [
    '## Embedders',
    tableOf('embedder'),
    '## Rerankers',
    tableOf('reranker'),
    '## Sparse vectors and vectors of tokens',
    outputsTable(),
    '## Prompts',
    promptsTable(),
  ].join('\n\n');
  return withSection(page, 'src/hub/known-models.ts', section);
}

/** Other architectures and models of which the tests convert a small checkout. */
const smallCheckouts: ReadonlySet<string> = new Set([
  'lfm2',
  'gemma2',
  'bge-reranker-v2-gemma',
  'mxbai-rerank-base-v2',
  'llama-nemotron-embed-1b-v2',
  'llama-nemotron-rerank-1b-v2',
  'jina-embeddings-v3',
  'jina-reranker-v3',
]);

/** How the tests check a model: with its own weights, with a small checkout in its layout, or by a small file of its architecture. */
export function checkedHow({ name, kind, architecture }: Pick<KnownModel, 'name' | 'kind' | 'architecture'>): string {
  if (name === 'all-MiniLM-L6-v2') return 'real weights';
  if (kind === 'sparse' || kind === 'multi') return 'small checkout';
  const isSmall =
    architecture.startsWith('gguf-embed-') || smallCheckouts.has(architecture) || smallCheckouts.has(name);
  return isSmall ? 'small checkout' : 'architecture';
}

function tableOf(kind: KnownModel['kind']): string {
  const rows = knownModels
    .filter((known) => known.kind === kind)
    .map(({ name, original, gguf, architecture, dimensions, context, pooling, license }) =>
      row(
        link(name, original),
        gguf === undefined ? 'convert the original' : code(`-hf ${gguf}`),
        architecture,
        String(dimensions),
        String(context),
        pooling,
        checkedHow({ name, kind, architecture }),
        license,
      ),
    );
  return `| model | GGUF files | architecture | dimensions | context | pooling | checked with | licence |\n|---|---|---|---|---|---|---|---|\n${rows.join('\n')}`;
}

/** Models with other outputs than dense vectors; BGE-M3, which has all, is among the embedders. */
function outputsTable(): string {
  const rows = knownModels
    .filter(({ kind }) => kind === 'sparse' || kind === 'multi')
    .map(({ name, original, kind, architecture, tokenDimensions, context, license }) =>
      row(
        link(name, original),
        'convert the original',
        architecture,
        code(kind),
        tokenDimensions === undefined ? 'the vocabulary' : String(tokenDimensions),
        String(context),
        checkedHow({ name, kind, architecture }),
        license,
      ),
    );
  return `| model | GGUF files | architecture | output | dimensions | context | checked with | licence |\n|---|---|---|---|---|---|---|---|\n${rows.join('\n')}`;
}

/** Models with the same prompts share a row. */
function promptsTable(): string {
  const shared = new Map<string, { names: string[]; prompts: KnownModel['prompts'] }>();
  for (const { name, prompts } of knownModels) {
    if (Object.keys(prompts).length === 0) continue;
    const key = JSON.stringify(prompts);
    const entry = shared.get(key) ?? { names: [], prompts };
    entry.names.push(name);
    shared.set(key, entry);
  }
  const rows = [...shared.values()].flatMap(({ names, prompts }) =>
    Object.entries(prompts)
      .flatMap(([name, prompt]) => promptRows(name, prompt))
      .map((cells, i) => row(i === 0 ? names.join(', ') : '', ...cells)),
  );
  return `| model | \`prompt_name\` | text before the input | text after it |\n|---|---|---|---|\n${rows.join('\n')}`;
}

/** A prompt that is another one around images has a row for each. */
function promptRows(name: string, prompt: Prompt): string[][] {
  const { prefix, suffix, image }: PromptLayout = typeof prompt === 'string' ? { prefix: prompt } : prompt;
  const inCode = (text = '') => (text === '' ? '' : code(JSON.stringify(text)));
  const rows = [[code(name), inCode(prefix), inCode(suffix)]];
  if (image !== undefined) rows.push([`${code(name)}, with images`, inCode(image.prefix), inCode(image.suffix)]);
  return rows;
}

function link(name: string, repo: string): string {
  return `[${name}](https://huggingface.co/${repo})`;
}
