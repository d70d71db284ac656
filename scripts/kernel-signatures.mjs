/**
 * @file Reads what `assembly/index.ts` exports from the AssemblyScript sources, and writes it as TypeScript: an interface in which
 * every kernel takes its parameters by name, and the constants of the compiled module.
 */
import { readFileSync } from 'node:fs';
import ts from 'typescript';

const parse = (url) => ts.createSourceFile(url.pathname, readFileSync(url, 'utf8'), ts.ScriptTarget.ES2022, true);

/**
 * The exported functions: `{ name, parameters, returns, doc }`, sorted by name.
 * @param folder URL of the folder of `index.ts`, with a slash at its end
 */
export function kernelSignatures(folder) {
  const found = [];
  for (const statement of parse(new URL('index.ts', folder)).statements) {
    if (!ts.isExportDeclaration(statement)) throw new Error('assembly/index.ts holds `export { … } from` alone');
    const file = parse(new URL(`${statement.moduleSpecifier.text}.ts`, folder));
    const functions = new Map(file.statements.filter(ts.isFunctionDeclaration).map((node) => [node.name.text, node]));
    for (const { name } of statement.exportClause.elements) {
      const node = functions.get(name.text);
      if (node !== undefined) found.push(signatureOf(node, file));
    }
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function signatureOf(node, file) {
  const doc = ts.getJSDocCommentsAndTags(node).find(ts.isJSDoc)?.getText(file);
  return {
    name: node.name.text,
    parameters: node.parameters.map(({ name, type }) => ({
      name: name.text,
      unit: unitOf(name.text, type.getText(file)),
    })),
    returns: node.type.getText(file) === 'void' ? 'void' : 'number',
    doc,
  };
}

/** What a parameter counts: its type in AssemblyScript says so, and for a `usize` its name whether it is an address or a distance. */
function unitOf(name, type) {
  if (type === 'i32') return 'Count';
  if (type !== 'usize') return 'number';
  if (/^ld[A-Za-z]|(Bytes|Step)$/.test(name)) return 'Stride';
  return name === 'k4' ? 'Count' : 'Address';
}

/**
 * The text of `kernels.generated.ts`.
 * @param exports of an instance of the compiled module
 * @throws Error where the sources and the module differ
 */
export function kernelsSource(signatures, exports) {
  const functions = Object.keys(exports).filter((name) => typeof exports[name] === 'function');
  for (const { name, parameters } of signatures) {
    if (exports[name]?.length !== parameters.length) throw new Error(`${name} differs from the compiled module`);
  }
  if (functions.length !== signatures.length) throw new Error('the module exports a function that was not found');
  const constants = Object.keys(exports).filter((name) => !functions.includes(name));
  return [
    '/** @file The kernels of the compiled module, by name. Made by scripts/build-wasm.mjs; do not edit. */',
    ...constants.sort().map((name) => `export const ${camelCase(name)} = ${exports[name].value};`),
    '',
    '/** A byte offset in the memory. A plain number goes wherever one of the three units is asked for; one unit never goes for another. */',
    "export type Address = number & { readonly unit?: 'address' };",
    '/** Bytes from one row, group or column to the next. */',
    "export type Stride = number & { readonly unit?: 'stride' };",
    '/** How many of something, or a switch that is 0 or 1. */',
    "export type Count = number & { readonly unit?: 'count' };",
    '',
    '/** What the module exports. */',
    'export interface Kernels {',
    ...signatures.flatMap(({ name, parameters, returns, doc }) => [
      ...(doc === undefined ? [] : [`  ${doc.replaceAll(/\n\s*/g, '\n   ')}`]),
      `  readonly ${name}: (${parametersType(parameters)}) => ${returns};`,
    ]),
    '}',
    '',
    '/** Exports of an instance, which take their parameters by position. */',
    'type Exports = Readonly<Record<keyof Kernels, (...args: number[]) => number>>;',
    '',
    '/** The exports of an instance, with their parameters by name. */',
    'export function bindKernels(exports: WebAssembly.Exports): Kernels {',
    `  const { ${signatures.map(({ name }) => name).join(', ')} } = exports as unknown as Exports;`,
    '  return {',
    ...signatures.map(({ name, parameters }) => {
      const call = `${name}(${parameters.map((parameter) => `p.${parameter.name}`).join(', ')})`;
      return `    ${name}: ${parameters.length === 0 ? `() => ${call}` : `(p) => ${call}`},`;
    }),
    '  };',
    '}',
    '',
  ].join('\n');
}

function parametersType(parameters) {
  if (parameters.length === 0) return '';
  return `p: { ${parameters.map(({ name, unit }) => `readonly ${name}: ${unit}`).join('; ')} }`;
}

/** `STRIP_BYTES` is `stripBytes`. */
function camelCase(name) {
  return name.toLowerCase().replaceAll(/_(.)/g, (_, letter) => letter.toUpperCase());
}
