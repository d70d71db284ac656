import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { examples } from '../../src/cli/help/examples.ts';
import { withFlagsSection } from '../../src/cli/help/flags-section.ts';
import { commandHelp, programHelp } from '../../src/cli/help/help.ts';
import { withKnownModels } from '../../src/cli/help/known-models-page.ts';
import { manPage } from '../../src/cli/help/man-page.ts';
import { referencePage } from '../../src/cli/help/reference-page.ts';
import { optionTable } from '../../src/cli/options/option-table.ts';
import { commandNames } from '../../src/cli/options/option-types.ts';
import { parseOptions } from '../../src/cli/options/parse-options.ts';
import { works } from './installed.ts';

it('docs/cli.md matches the option table', async () => {
  await expect(referencePage(), 'update with: npx vitest run test/cli/docs.test.ts -u').toMatchFileSnapshot(
    '../../docs/cli.md',
  );
});

it('docs/gguf-embed.1 matches the option table', async () => {
  await expect(manPage(), 'update with: npx vitest run test/cli/docs.test.ts -u').toMatchFileSnapshot(
    '../../docs/gguf-embed.1',
  );
});

it.skipIf(!works('man'))('man shows docs/gguf-embed.1 without a warning', () => {
  const page = fileURLToPath(new URL('../../docs/gguf-embed.1', import.meta.url));
  // Some versions print bold letters twice, with a backspace between.
  const backspace = new RegExp(`.${String.fromCharCode(8)}`, 'g');
  const env = { ...process.env, MANWIDTH: '80', LC_ALL: 'C.UTF-8' };
  const { stdout, stderr, status } = spawnSync('man', ['--warnings', '-l', page], { encoding: 'utf8', env });
  expect([status, stderr]).toEqual([0, '']);
  for (const text of ['SYNOPSIS', 'gguf-embed embed -m model.gguf -p "a text"', '--output', 'LLAMA_ARG_POOLING']) {
    expect(stdout.replaceAll(backspace, '')).toContain(text);
  }
});

it('docs/compatibility.md lists the flags of llama-server as the tables have them', async () => {
  const page = readFileSync(new URL('../../docs/compatibility.md', import.meta.url), 'utf8');
  await expect(withFlagsSection(page), 'update with: npx vitest run test/cli/docs.test.ts -u').toMatchFileSnapshot(
    '../../docs/compatibility.md',
  );
  expect(() => withFlagsSection('# no section')).toThrow('the page has no');
});

it('docs/models.md lists the known models', async () => {
  const page = readFileSync(new URL('../../docs/models.md', import.meta.url), 'utf8');
  await expect(withKnownModels(page), 'update with: npx vitest run test/cli/docs.test.ts -u').toMatchFileSnapshot(
    '../../docs/models.md',
  );
  expect(() => withKnownModels('# no section')).toThrow('the page has no');
});

it('docs/cli.md says once what each option means', () => {
  const rows = referencePage()
    .split('\n')
    .filter((line) => /^\| `-/.test(line));
  for (const { flags, help } of optionTable) {
    const found = rows.filter((line) => line.includes(flags.at(-1)!) && line.includes(help.replaceAll('|', '\\|')));
    expect(found, flags.at(-1)).toHaveLength(1);
  }
});

it('examples are command lines that parse', () => {
  for (const name of commandNames) {
    expect(examples[name].length).toBeGreaterThan(0);
    for (const [line] of examples[name]) {
      const words = line.match(/"[^"]*"|[^\s()]+/g)!.map((word) => word.replaceAll('"', ''));
      const start = words.indexOf('gguf-embed');
      const end = words.findIndex((word) => word === '<' || word === '>');
      expect(words[start + 1], line).toBe(name);
      expect(() => parseOptions(name, words.slice(start + 2, end < 0 ? undefined : end), {}), line).not.toThrow();
    }
  }
});

it('the help lists options by topic, after examples', () => {
  const help = commandHelp('embed');
  const places = ['Examples:\n  # ', '  gguf-embed embed -m model', 'Model and computation:\n  -m, ', 'General:\n'].map(
    (text) => help.indexOf(text),
  );
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(places[0]).toBeGreaterThan(0);
  expect(commandHelp('tokenize')).not.toContain('Server:');
});

it('the help names every command and fits a terminal', () => {
  for (const name of commandNames) {
    expect(programHelp()).toContain(`  ${name} `);
    const help = commandHelp(name);
    expect(help).toContain('--help');
    for (const line of help.split('\n').slice(2)) expect(line.length, line).toBeLessThanOrEqual(100);
  }
});
