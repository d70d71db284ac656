import { expect, it } from 'vitest';
import { commandHelp, programHelp } from '../../src/cli/help.ts';
import { optionTable } from '../../src/cli/option-table.ts';
import { commandNames } from '../../src/cli/option-types.ts';
import { referencePage } from '../../src/cli/reference-page.ts';

it('docs/cli.md is what the option table says', async () => {
  await expect(referencePage(), 'update with: npx vitest run test/cli/docs.test.ts -u').toMatchFileSnapshot(
    '../../docs/cli.md',
  );
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
