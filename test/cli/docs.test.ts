import { expect, it } from 'vitest';
import { commandHelp, markdown, programHelp } from '../../src/cli/help.ts';
import { commandNames } from '../../src/cli/option-types.ts';

it('docs/cli.md is what the option table says', async () => {
  await expect(markdown(), 'update with: npx vitest run test/cli/docs.test.ts -u').toMatchFileSnapshot(
    '../../docs/cli.md',
  );
});

it('the help names every command and fits a terminal', () => {
  for (const name of commandNames) {
    expect(programHelp()).toContain(`  ${name} `);
    const help = commandHelp(name);
    expect(help).toContain('--help');
    for (const line of help.split('\n').slice(2)) expect(line.length, line).toBeLessThanOrEqual(100);
  }
});
