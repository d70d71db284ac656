/**
 * @file Generates the tables of docs/models.md from the table of known models.
 */
import { type KnownModel, knownModels } from '../hub/known-models.ts';
import { code, row } from './reference-page.ts';

const BEGIN = '<!-- Made from src/hub/known-models.ts by `npx vitest run test/cli/docs.test.ts -u`: begin. -->';
const END = '<!-- end -->';

/**
 * Replaces the tables in docs/models.md, between two comments.
 * @throws Error if the page lacks them
 */
export function withKnownModels(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END, begin);
  if (begin < 0 || end < 0) throw new Error(`the page has no "${BEGIN}" before an "${END}"`);
  const section = [
    '## Embedders',
    tableOf('embedder'),
    '## Rerankers',
    tableOf('reranker'),
    '## Prompts',
    promptsTable(),
  ].join('\n\n');
  return `${page.slice(0, begin + BEGIN.length)}\n\n${section}\n\n${page.slice(end)}`;
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
        license,
      ),
    );
  return `| model | GGUF files | architecture | dimensions | context | pooling | licence |\n|---|---|---|---|---|---|---|\n${rows.join('\n')}`;
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
    Object.entries(prompts).map(([name, text], i) =>
      row(i === 0 ? names.join(', ') : '', code(name), code(JSON.stringify(text))),
    ),
  );
  return `| model | \`prompt_name\` | text |\n|---|---|---|\n${rows.join('\n')}`;
}

function link(name: string, repo: string): string {
  return `[${name}](https://huggingface.co/${repo})`;
}
