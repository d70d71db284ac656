/**
 * @file Completion scripts in the shells themselves: what a person gets who types the beginning of a line and presses the tab key.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bashScript } from '../../src/cli/completion/bash.ts';
import { fishScript } from '../../src/cli/completion/fish.ts';
import { zshScript } from '../../src/cli/completion/zsh.ts';
import { optionsOf } from '../../src/cli/help/help.ts';
import { commandNames } from '../../src/cli/options/option-types.ts';
import { works } from './installed.ts';
import { run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'completion-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, 'model.gguf'), '');
mkdirSync(join(folder, 'folder'));
writeFileSync(join(folder, 'bash'), bashScript());
writeFileSync(join(folder, 'zsh'), zshScript());
writeFileSync(join(folder, 'fish'), fishScript());

/** The lines that a shell prints. */
function lines(shell: string, ...args: readonly string[]): string[] {
  const { stdout, stderr, status } = spawnSync(shell, args, { cwd: folder, encoding: 'utf8', timeout: 60_000 });
  expect([status, stderr]).toEqual([0, '']);
  return stdout.split('\n').filter((line) => line !== '');
}

describe('the command', () => {
  it('prints the script of a shell', async () => {
    for (const [shell, script] of [
      ['bash', bashScript()],
      ['zsh', zshScript()],
      ['fish', fishScript()],
    ])
      expect(await run(['completion', shell])).toMatchObject({ code: 0, stdout: script });
  });

  it('asks for a shell that it knows', async () => {
    for (const args of [[], ['tcsh'], ['bash', 'zsh']]) {
      const { code, stderr } = await run(['completion', ...args]);
      expect([code, stderr]).toEqual([1, 'error: give one shell: gguf-embed completion bash|zsh|fish\n']);
    }
  });

  it('knows all options in every shell', () => {
    for (const script of [bashScript(), zshScript(), fishScript()])
      for (const command of commandNames)
        for (const { flags } of optionsOf(command)) expect(script).toContain(flags.at(-1)!.slice(2));
  });
});

describe.skipIf(!works('bash'))('bash completes', () => {
  const complete = (...words: string[]) => {
    const quoted = words.map((word) => `'${word}'`).join(' ');
    const set = `COMP_WORDS=(gguf-embed ${quoted}); COMP_CWORD=${words.length}`;
    return lines(
      'bash',
      '--norc',
      '-c',
      `source ./bash; ${set}; _gguf_embed 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`,
    );
  };

  it.each([
    [['emb'], ['embed']],
    [[''], [...commandNames]],
    [['serve', '--pool'], ['--pooling']],
    [
      ['serve', '--pooling', ''],
      ['none', 'mean', 'cls', 'last', 'rank', 'max', 'weighted-mean', 'mean-sqrt-len'],
    ],
    [
      ['serve', '--pooling', '=', 'me'],
      ['mean', 'mean-sqrt-len'],
    ],
    [
      ['serve', '--pooling', '='],
      ['none', 'mean', 'cls', 'last', 'rank', 'max', 'weighted-mean', 'mean-sqrt-len'],
    ],
    [['serve', '--port', ''], []],
    [['serve', '-m', ''], []],
    [['page', '--out', ''], ['folder']],
    [['embed', '--top'], []],
    [['rerank', '--top'], ['--top-n']],
    [['models', 'pr'], ['prune']],
    [
      ['quantize', 'in.gguf', 'out.gguf', 'Q4_K'],
      ['Q4_K_S', 'Q4_K_M'],
    ],
    [['completion', 'f'], ['fish']],
    [['nonsense', '--'], []],
  ])('%j', (words, wanted) => {
    expect(complete(...words).toSorted()).toEqual(wanted.toSorted());
  });

  it('file names after options that take a file', () => {
    const registered = lines('bash', '--norc', '-c', 'source ./bash; complete -p gguf-embed');
    expect(registered).toEqual(['complete -o bashdefault -o default -F _gguf_embed gguf-embed']);
  });
});

describe.skipIf(!works('fish'))('fish completes', () => {
  const complete = (line: string) =>
    lines('fish', '--no-config', '-c', `source ./fish; complete -C '${line}'`).map((each) => each.split('\t')[0]);

  it.each([
    ['gguf-embed fing', ['fingerprint']],
    ['gguf-embed serve --pooling ', ['none', 'mean', 'cls', 'last', 'rank', 'max', 'weighted-mean', 'mean-sqrt-len']],
    ['gguf-embed rerank --top', ['--top-n']],
    ['gguf-embed completion f', ['fish']],
    ['gguf-embed inspect mod', ['model.gguf']],
    ['gguf-embed embed -o mod', ['model.gguf']],
    ['gguf-embed page --out ', ['folder/']],
  ])('%s', (line, wanted) => {
    expect(complete(line)).toEqual(expect.arrayContaining(wanted));
  });

  it('only options of the command, whatever follows it', () => {
    expect(complete('gguf-embed serve --models-dir models --dry')).toEqual([]);
    expect(complete('gguf-embed models --dry')).toEqual(['--dry-run']);
  });

  it('a flag that turns a switch off with what it does', () => {
    const script = "source ./fish; complete -C 'gguf-embed serve --no-sl'";
    expect(lines('fish', '--no-config', '-c', script)).toEqual(['--no-slots\tturn off --slots']);
  });
});

describe.skipIf(!works('zsh'))('zsh', () => {
  it('reads the script and registers it', () => {
    const script = 'autoload -Uz compinit; compinit -D; source ./zsh; print -r -- $_comps[gguf-embed]';
    expect(lines('zsh', '-f', '-c', script)).toEqual(['_gguf_embed']);
  });

  it('completes in a terminal', () => {
    const script = `zmodload zsh/zpty
seen=
wait_for() {
  local i piece
  for i in {1..400}; do
    while zpty -rt z piece 2>/dev/null; do seen+=$piece; done
    [[ $seen == *$1* ]] && return
    sleep 0.05
  done
  print -r -- "no $1 in $seen"
  exit 1
}
zpty -b z 'TERM=dumb zsh -f -i'
zpty -w z 'autoload -Uz compinit; compinit -D; source ./zsh; bindkey "^I" complete-word; print REA""DY'
wait_for READY
zpty -w -n z $'gguf-embed fing\\t'
wait_for fingerprint
zpty -w -n z $'--ch\\t'
wait_for --check
zpty -w -n z $'0 --preci\\t'
wait_for --precision
zpty -w -n z $'ex\\t'
wait_for exact
zpty -w -n z $' --backend=wa\t'
wait_for --backend=wasm
print completed`;
    expect(lines('zsh', '-f', '-c', script)).toEqual(['completed']);
  });
});
