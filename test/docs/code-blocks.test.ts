/**
 * @file Every code block of the documentation is checked. Programs compile against the built package; other TypeScript and WGSL is quoted from
 * the sources; options of commands exist. `commands.test.ts` beside this file runs commands and programs, and sends the bodies of requests.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { mediaOfJson } from '../../src/cli/input/images.ts';
import { commandNames } from '../../src/cli/options/option-types.ts';
import { parseOptions } from '../../src/cli/options/parse-options.ts';
import { parsePreset } from '../../src/cli/serve/served-models/preset-file.ts';
import { readSection } from '../../src/cli/serve/served-models/preset-section.ts';
import { matmulTile } from '../../src/kernels/webgpu/shaders/matmul-tile.wgsl.ts';
import { blocks, blocksOf, commands, isProgram } from './blocks.ts';

/** The kinds of blocks, and on which pages those are that no program reads. */
const diagrams = ['docs/architecture.md', 'docs/images.md', 'docs/webgpu.md'];
const known = ['ts', 'sh', 'console', 'json', 'ini', 'wgsl', 'http', 'yaml'];

it('every block is of a kind that is checked', () => {
  expect(blocks.length).toBeGreaterThan(50);
  for (const { place, page, language, code } of blocks) {
    if (language !== '') expect(known, place).toContain(language);
    else expect([diagrams.includes(page), /[─▶…]/.test(code)], `${place} is no diagram`).toEqual([true, true]);
  }
});

it('the test of the tour runs all consoles', () => {
  for (const { page, place } of blocksOf('console'))
    expect(['docs/tour.md', 'docs/tokenizers.md', 'docs/kernels.md', 'docs/webgpu.md'], place).toContain(page);
});

it('the files that diagrams name exist', () => {
  for (const { code, place } of blocksOf('')) {
    for (const [path] of code.matchAll(/\bsrc\/[\w./-]+\.ts\b/g))
      expect(existsSync(path), `${place}: ${path}`).toBe(true);
  }
});

describe('TypeScript', () => {
  // Below the project, whose own name the programs import.
  const folder = join('build', `code-blocks-${process.pid}`);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('programs compile', () => {
    mkdirSync(folder, { recursive: true });
    // `rerank` of the AI SDK exists since version 6.
    const programs = blocksOf('ts').filter((block) => isProgram(block) && !/rerank \} from 'ai'/.test(block.code));
    expect(programs.length).toBeGreaterThanOrEqual(7);
    const paths = programs.map((_, i) => join(folder, `${i}.mts`));
    for (const [i, path] of paths.entries()) writeFileSync(path, programs[i].code);
    const program = ts.createProgram(paths, {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: ['node'],
    });
    const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
    // Frameworks that only users install.
    const isAbsent = (message: string) => {
      const [, missing] = /^Cannot find module '((?:@[^/']+\/)?[^/']+)/.exec(message) ?? [];
      return missing !== undefined && !Object.hasOwn(devDependencies, missing);
    };
    const messages = ts
      .getPreEmitDiagnostics(program)
      .map(({ file, messageText }) => [file?.fileName, ts.flattenDiagnosticMessageText(messageText, '\n')] as const)
      .filter(([, message]) => !isAbsent(message));
    expect(messages).toEqual([]);
  });

  it('everything else is quoted from the sources, where it compiles', () => {
    const sources = ['src', 'test/models'].flatMap((root) =>
      readdirSync(root, { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.ts'))
        .map((path) => readFileSync(join(root, path), 'utf8')),
    );
    for (const block of blocksOf('ts').filter((each) => !isProgram(each)))
      expect(
        sources.some((text) => text.includes(block.code.trimEnd())),
        block.place,
      ).toBe(true);
  });
});

it('WGSL is that of the kernel: every line, up to its comment, between the ellipses', () => {
  const { code } = matmulTile('F32', 64, 64, 4, 4, true, 'plain', false, false, false, 'f32', 'f32', 'in turn');
  const squeezed = (text: string) => text.replaceAll(/\s+/g, ' ').trim();
  const kernel = squeezed(code);
  const [{ place, code: shown }] = blocksOf('wgsl');
  const parts = shown.split('\n').flatMap((line) => line.replace(/\/\/.*/, '').split('…'));
  // Brackets and separators that are left of an expression after its ellipsis.
  const seen = parts.map(squeezed).filter((part) => !/^[)\]}; ]*$/.test(part));
  expect(seen.length).toBeGreaterThan(20);
  for (const part of seen) expect(kernel, `${place}: ${part}`).toContain(part);
});

describe('commands', () => {
  it('of gguf-embed have options that exist', () => {
    const ours = commands.filter(({ words }) => words[0] === 'gguf-embed');
    expect(ours.length).toBeGreaterThan(20);
    for (const { place, line, words } of ours) {
      const [, name, ...args] = words;
      const command = commandNames.find((each) => each === name);
      expect(command, `${place}: ${line}`).toBeDefined();
      expect(() => parseOptions(command!, args, {}), `${place}: ${line}`).not.toThrow();
    }
  });

  it('of npm are scripts of package.json, or install packages', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    for (const { place, words } of commands.filter((each) => each.words[0] === 'npm')) {
      const [, verb, script] = words;
      if (verb === 'run') expect(scripts, place).toHaveProperty([script]);
      else if (verb !== 'install') expect(scripts, place).toHaveProperty([verb]);
    }
  });

  it('of other programs name files of the repository that exist', () => {
    for (const { place, words } of commands.filter((each) => each.words[0] !== 'gguf-embed')) {
      for (const word of words.filter((each) => /^(deploy|scripts|docs|bench|src)\//.test(each))) {
        const [folder, name = ''] = [word.slice(0, word.lastIndexOf('/')), word.slice(word.lastIndexOf('/') + 1)];
        const pattern = new RegExp(`^${name.replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
        expect(
          readdirSync(folder).some((each) => pattern.test(each)),
          `${place}: ${word}`,
        ).toBe(true);
      }
    }
  });
});

describe('data', () => {
  it('lines of JSON are inputs with images', () => {
    const lines = blocksOf('json').flatMap(({ page, code }) => (page === 'docs/cli.md' ? code.trim().split('\n') : []));
    expect(lines.length).toBeGreaterThanOrEqual(3);
    for (const line of lines) expect(mediaOfJson(JSON.parse(line)), line).toBeDefined();
  });

  it('YAML is read', () => {
    for (const { place, code } of blocksOf('yaml')) expect(parseYaml(code), place).toEqual(expect.any(Object));
  });

  it('presets are read', () => {
    for (const { place, code } of blocksOf('ini')) {
      const preset = parsePreset('models.ini', code);
      expect(preset.size, place).toBe(3);
      for (const [id, entries] of preset) expect(() => readSection(id, entries), `${place}: ${id}`).not.toThrow();
    }
  });
});
