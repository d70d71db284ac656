/**
 * @file Builds the documentation as a site of static files in `build/site`: the pages of `docs` with a local search, and the public API
 * from the comments in `src`, the page that runs the ladders of kernels, and the web page as a demo, which the page about it embeds. The site
 * loads nothing from other hosts.
 *
 * The tools (VitePress, TypeDoc; 150 MB) are installed into `build/site-tools` at the first run, so that `npm install` stays small.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const tools = join(root, 'build/site-tools');
const source = join(root, 'build/site-source');
const packages = ['vitepress@1.6.4', 'typedoc@0.28', 'typedoc-plugin-markdown@4', 'typescript@5.9'];

/** The pages in the order of the sidebar, by section. */
const sections = JSON.parse(readFileSync('docs/sidebar.json', 'utf8'));

// Without what `npm run` puts there: with it, the inner npm would install into this project.
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));

function run(command, args, cwd = root) {
  const shell = process.platform === 'win32';
  const { status, error } = spawnSync(command, args, { cwd, env, stdio: 'inherit', shell });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `ended with status ${status}`}`);
}

/** Links to files that are no pages become the names of the files: they are in the repository, not on the site. */
function forSite(text, isReadme) {
  return text.replaceAll(/(!?)\[([^\]]*)\]\(([^)\s]+)\)/g, (link, image, label, target) => {
    if (/^(https?:|#)/.test(target)) return link;
    const [path, hash = ''] = target.split('#');
    const page = isReadme ? path.replace(/^docs\//, '') : path.replace(/^\.\.\/README\.md$/, 'index.md');
    const isPage = existsSync(join(root, 'docs', page)) || page === 'index.md';
    if (isPage && !page.startsWith('..')) return `${image}[${label}](./${page}${hash && `#${hash}`})`;
    const name = path.replace(/^(\.\.\/)+/, '');
    return label.includes(name) ? label : `${label} (\`${name}\`)`;
  });
}

function writePages() {
  rmSync(source, { recursive: true, force: true });
  mkdirSync(join(source, '.vitepress'), { recursive: true });
  cpSync('docs/pictures', join(source, 'pictures'), { recursive: true });
  writeFileSync(join(source, 'index.md'), forSite(readFileSync('README.md', 'utf8'), true));
  const names = readdirSync('docs').filter((name) => name.endsWith('.md'));
  for (const name of names) writeFileSync(join(source, name), forSite(readFileSync(join('docs', name), 'utf8'), false));
}

function writeConfig() {
  const titleOf = (name) => /^# (.*)$/m.exec(readFileSync(join(source, `${name}.md`), 'utf8'))[1];
  const items = (names) => names.map((name) => ({ text: titleOf(name), link: `/${name}` }));
  const sidebar = Object.entries(sections).map(([text, names]) => ({ text, items: items(names) }));
  const config = {
    title: 'gguf-embed',
    description: JSON.parse(readFileSync('package.json', 'utf8')).description,
    outDir: join(root, 'build/site'),
    // HTML in the text is text, and braces at the end of a line are not attributes.
    markdown: { html: false, attrs: { disable: true } },
    themeConfig: {
      nav: [
        { text: 'Demo', link: '/demo/index.html', target: '_self' },
        { text: 'Ladder of kernels', link: '/ladder.html', target: '_self' },
      ],
      sidebar: [...sidebar, { text: 'API', link: '/api/' }],
      search: { provider: 'local' },
      outline: [2, 3],
    },
  };
  writeFileSync(join(source, '.vitepress/config.mjs'), `export default ${JSON.stringify(config, null, 2)};\n`);
}

/** Shows the web page at work above the page about it. HTML in the texts of `docs` is text, so the theme does it. */
function writeTheme() {
  mkdirSync(join(source, '.vitepress/theme'), { recursive: true });
  writeFileSync(
    join(source, '.vitepress/theme/index.js'),
    `import { useData, withBase } from 'vitepress';
import DefaultTheme from 'vitepress/theme';
import { h } from 'vue';

const style = 'width: 100%; height: 80vh; border: 1px solid var(--vp-c-divider); border-radius: 8px';
const demo = () => h('iframe', { src: withBase('/demo/index.html'), title: 'The page, with the engine in it', style });
export default {
  extends: DefaultTheme,
  Layout() {
    const { page } = useData();
    return h(DefaultTheme.Layout, null, { 'doc-before': () => page.value.relativePath === 'page.md' && demo() });
  },
};
`,
  );
}

if (!existsSync(join(tools, 'node_modules/.bin/vitepress'))) {
  mkdirSync(tools, { recursive: true });
  writeFileSync(join(tools, 'package.json'), '{ "name": "site-tools", "private": true, "type": "module" }\n');
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', ...packages], tools);
}
const tool = (path) => join(tools, 'node_modules', path);
writePages();
run(process.execPath, [
  tool('typedoc/bin/typedoc'),
  '--plugin',
  tool('typedoc-plugin-markdown/dist/index.js'),
  ...[
    '--out',
    join(source, 'api'),
    '--tsconfig',
    'tsconfig.json',
    '--readme',
    'none',
    '--disableSources',
    '--entryFileName',
    'index',
  ],
  ...[
    '--excludePrivate',
    '--excludeInternal',
    '--logLevel',
    'Error',
    '--skipErrorChecking',
    '--name',
    'API',
    'src/index.ts',
  ],
]);
writeConfig();
writeTheme();
run(process.execPath, ['bench/kernels/page.mjs', join(source, 'public/ladder.html')]);
run(process.execPath, ['dist/cli/main.js', 'page', '--out', join(source, 'public/demo')]);
run(process.execPath, [tool('vitepress/bin/vitepress.js'), 'build', source]);
