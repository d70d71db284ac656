import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { withFlagsSection } from '../../src/cli/flags-section.ts';
import { commandHelp, programHelp } from '../../src/cli/help.ts';
import { withKnownModels } from '../../src/cli/known-models-page.ts';
import { optionTable } from '../../src/cli/option-table.ts';
import { commandNames } from '../../src/cli/option-types.ts';
import { referencePage } from '../../src/cli/reference-page.ts';

it('docs/cli.md matches the option table', async () => {
  await expect(referencePage(), 'update with: npx vitest run test/cli/docs.test.ts -u').toMatchFileSnapshot(
    '../../docs/cli.md',
  );
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

it('the help names every command and fits a terminal', () => {
  for (const name of commandNames) {
    expect(programHelp()).toContain(`  ${name} `);
    const help = commandHelp(name);
    expect(help).toContain('--help');
    for (const line of help.split('\n').slice(2)) expect(line.length, line).toBeLessThanOrEqual(100);
  }
});
