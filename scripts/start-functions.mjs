/**
 * @file Marks the functions that run at every start, so that Node's compile cache holds their code.
 *
 * V8 compiles a function when it is first called, and Node stores the code of a chunk before that: each start compiled the same functions
 * again. V8 compiles a function in parentheses together with its chunk. So functions at the top level of a chunk that `embed` calls become
 * `var name = (function name() {…})`, before everything else in their chunk, because a declaration counts from the beginning.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAst } from 'rolldown/parseAst';
import { importedAtOnce } from './reachable.mjs';

/**
 * Runs the program once on `model` and rewrites the chunks that it loads.
 * @param {string} dist the built package
 * @param {string} model path of a GGUF file
 * @throws Error if the program fails, or chunks import each other in a circle, where the order of evaluation would matter
 */
export function markStartFunctions(dist, model) {
  const coverage = join(dist, 'coverage');
  const args = [join(dist, 'cli/main.js'), 'embed', '-m', model, '-p', 'a text', '--backend', 'wasm'];
  const env = { ...process.env, NODE_V8_COVERAGE: coverage, NODE_DISABLE_COMPILE_CACHE: '1' };
  const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the built program does not run: ${stderr}`);
  const [report] = readdirSync(coverage);
  const { result } = JSON.parse(readFileSync(join(coverage, report), 'utf8'));
  rmSync(coverage, { recursive: true });
  for (const { url, functions } of result) {
    const name = url.split('/chunks/')[1];
    if (name === undefined || !url.startsWith('file:')) continue;
    const path = join(dist, 'chunks', name);
    requireNoCircle(join(dist, 'chunks'), name);
    const called = functions.filter(({ ranges }) => ranges[0].count > 0).map(({ ranges }) => ranges[0].startOffset);
    writeFileSync(path, compiledAtOnce(readFileSync(path, 'utf8'), new Set(called)));
  }
}

/** @param called where functions begin */
function compiledAtOnce(code, called) {
  const { body } = parseAst(code);
  const marked = body.filter(({ type, start }) => type === 'FunctionDeclaration' && called.has(start));
  const imports = body.filter(({ type }) => type === 'ImportDeclaration');
  const afterImports = imports.at(-1)?.end ?? 0;
  const texts = marked.map(({ id, start, end }) => `var ${id.name} = (${code.slice(start, end)});\n`);
  let rest = code;
  for (const { start, end } of marked.toReversed()) rest = rest.slice(0, start) + rest.slice(end).replace(/^\n/, '');
  return `${rest.slice(0, afterImports)}\n${texts.join('')}${rest.slice(afterImports)}`;
}

/** @throws Error if a chunk imports itself through others */
function requireNoCircle(folder, name) {
  const [, ...others] = importedAtOnce(folder, [name]);
  const through = others.find((other) => importedAtOnce(folder, [other]).includes(name));
  if (through !== undefined) throw new Error(`${name} imports itself through ${through}`);
}
