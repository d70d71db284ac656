/**
 * @file Which files of a folder some of them reach: by `import` and `export … from`, dynamic imports of a literal, types in
 * declarations, and paths `./…-worker.js`, by which workers are started.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';

/**
 * @param {string} folder where the files lie
 * @param {string[]} entries paths in it, to start from
 * @returns {string[]} paths of all files that are reached, the entries included, in order of discovery
 * @throws Error when an import leads to a file that is not there
 */
export function reachable(folder, entries) {
  const found = new Set(entries);
  for (const path of found) {
    const text = readFileSync(join(folder, path), 'utf8');
    for (const specifier of relativeImports(text)) {
      found.add(resolve(folder, path, specifier));
    }
  }
  return [...found];
}

/**
 * Which files some of them import before they run, themselves included: by `import … from` and `export … from` alone.
 * @param {string} folder where the files lie
 * @param {string[]} entries paths in it, to start from
 * @returns {string[]} paths of the files in order of discovery
 */
export function importedAtOnce(folder, entries) {
  const found = new Set(entries);
  for (const path of found) {
    const text = readFileSync(join(folder, path), 'utf8');
    for (const [, specifier] of text.matchAll(/^(?:import|export)\b[^;]*?['"](\.[^'"]+)['"];$/gm))
      found.add(resolve(folder, path, specifier));
  }
  return [...found];
}

/** Paths relative to the file that a text of JavaScript or of declarations names. */
function relativeImports(text) {
  const { importedFiles } = ts.preProcessFile(text, true, true);
  const workers = [...text.matchAll(/(["'`])(\.\/[\w-]+-worker\.js)\1/g)];
  // TypeScript loses its way at some regular expressions, and finds nothing after them.
  const onDemand = [...text.matchAll(/\bimport\((["'`])(\.[^"'`]+)\1\)/g)];
  const named = [...workers, ...onDemand].map((match) => match[2]);
  return [...importedFiles.map(({ fileName }) => fileName), ...named].filter((name) => name.startsWith('.'));
}

function resolve(folder, from, specifier) {
  const path = normalize(join(dirname(from), specifier));
  const found = from.endsWith('.d.ts') ? path.replace(/\.[jt]s$/, '.d.ts') : path;
  if (!existsSync(join(folder, found))) throw new Error(`${from} imports ${specifier}, which is not there`);
  return found;
}
