/**
 * @file Who may import whom, for dependency-cruiser (`npm run lint`). Type imports count: a circle of types is a circle.
 *
 * The table is the one of docs/architecture.md; a test compares the two.
 */

/** Folders below src, and the folders that each may import besides itself. Everybody may import `src/check-options.ts`, `src/clock.ts`, `src/nearest.ts`, `src/turn.ts` and `src/unescape.ts`. */
export const mayImport = {
  gguf: [],
  tensor: ['gguf'],
  tokenizer: ['gguf'],
  'kernels/reference': ['tensor', 'gguf'],
  'kernels/graph': ['tensor', 'gguf'],
  'kernels/wasm': ['kernels/graph', 'tensor', 'gguf'],
  'kernels/webgpu': ['kernels/graph', 'tensor', 'gguf'],
  models: ['tensor', 'gguf'],
  image: ['tensor'],
  workers: [],
  hub: ['gguf'],
  engine: [
    'workers',
    'image',
    'hub',
    'models',
    'kernels/reference',
    'kernels/wasm',
    'kernels/webgpu',
    'tokenizer',
    'tensor',
    'gguf',
  ],
  server: ['engine', 'image', 'workers', 'tokenizer', 'gguf'],
  layout: [],
  audit: ['engine', 'layout', 'models', 'tensor', 'gguf'],
  page: ['layout'],
  integrations: ['engine'],
  plain: [],
  convert: ['tokenizer', 'tensor', 'gguf'],
  quantize: ['tensor', 'gguf'],
  cli: [
    'server',
    'engine',
    'audit',
    'hub',
    'image',
    'convert',
    'quantize',
    'models',
    'kernels/wasm',
    'kernels/webgpu',
    'tokenizer',
    'tensor',
    'gguf',
  ],
};

const inFolders = (folders) => `^src/(${folders.join('|')})/`;

const forbidden = [
  { name: 'no-circles', from: {}, to: { circular: true } },
  { name: 'no-missing-file', from: { path: '^src/' }, to: { couldNotResolve: true } },
  ...Object.entries(mayImport).map(([folder, others]) => ({
    name: `what-${folder.replace('/', '-')}-may-import`,
    from: { path: inFolders([folder]) },
    to: {
      path: '^src/',
      pathNot: [
        inFolders([folder, ...others]),
        '^src/(check-options|clock|nearest|turn|unescape)\\.ts$',
        // The page uses the library as everybody does: by its public API.
        ...(folder === 'page' ? ['^src/index\\.ts$'] : []),
      ],
    },
  })),
  {
    name: 'every-folder-is-in-the-table',
    from: {
      path: '^src/',
      pathNot: [inFolders(Object.keys(mayImport)), '^src/(index|check-options|clock|nearest|turn|unescape)\\.ts$'],
    },
    to: {},
  },
  {
    name: 'what-check-options-may-import',
    from: { path: '^src/check-options\\.ts$' },
    to: { pathNot: '^src/nearest\\.ts$' },
  },
  { name: 'what-imports-nothing', from: { path: '^src/(nearest|clock|unescape)\\.ts$' }, to: {} },
  { name: 'what-turn-may-import', from: { path: '^src/turn\\.ts$' }, to: { pathNot: '^src/clock\\.ts$' } },
  {
    name: 'engine-code-needs-no-node',
    comment: 'Rule 7: engine code touches the API of Node in files `*.node.ts` only.',
    from: { path: '^src/', pathNot: ['^src/(server|cli)/', '\\.node\\.ts$'] },
    to: { dependencyTypes: ['core'], dependencyTypesNot: ['type-only', 'type-import'] },
  },
  {
    name: 'integrations-import-their-peers',
    comment: 'Each adapter extends classes of its framework, which its user has; nothing else imports an adapter.',
    from: { path: '^src/integrations/' },
    to: { path: 'node_modules/', pathNot: 'node_modules/(@langchain/core|@llamaindex/core|chromadb)/' },
  },
  {
    name: 'src-imports-what-users-install',
    comment:
      'What the page imports is bundled into dist/page; scripts/build.mjs also bundles the packages that are named here.',
    from: { path: '^src/', pathNot: '^src/(kernels/wasm/assembly|tokenizer/assembly|integrations|page)/' },
    to: {
      pathNot: 'node_modules/(fflate|lru-cache|valibot|@valibot/to-json-schema)/',
      dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
      dependencyTypesNot: ['type-only', 'type-import'],
    },
  },
  {
    name: 'src-stands-alone',
    comment: 'Nothing that ships depends on tests, benchmarks or scripts.',
    from: { path: '^src/' },
    to: { path: '^(test|bench|scripts)/' },
  },
].map((rule) => ({ severity: 'error', ...rule }));

export default {
  forbidden,
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: ['node_modules', '^dist/', '^build/'] },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'import', 'node', 'default'] },
  },
};
