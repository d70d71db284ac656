/**
 * @file The command `inspect`.
 */
import { openSource } from '../../engine/load/source.ts';
import { escapeControls, escapeControlsInLines } from '../../gguf/escape.ts';
import { openModelFile } from '../../gguf/file.node.ts';
import {
  type ByteSource,
  describeGguf,
  type GgufDescription,
  type KeyDescription,
  openGguf,
  wholeSource,
} from '../../gguf/index.ts';
import type { ModelTreeNode } from '../../models/index.ts';
import { byteSize, log } from '../log.ts';
import { checkHubFlags, hubOptions, isRemote } from '../model/chosen-model.ts';
import { type ModelInFile, modelInFile } from '../model/model-in-file.ts';
import { drawTree } from '../model/model-tree.ts';
import type { OptionValues } from '../options/option-table.ts';
import type { Parsed } from '../options/parse-options.ts';
import { write } from '../output/write.ts';
import { plural } from '../plural.ts';
import { UsageError } from '../usage-error.ts';

/** Number of elements of an array in the table. */
const SHOWN_ELEMENTS = 6;
/** Number of UTF-16 units of a value in the table. */
const SHOWN_VALUE = 120;

/**
 * Prints header, metadata, tensors and, if the file has a model, its layers and parameters as a tree. The output is a
 * table, or one JSON object with everything.
 */
export async function inspect({ values, positionals }: Parsed): Promise<void> {
  const { model, hfRepo, modelUrl } = values;
  const files = [...positionals, ...[model, hfRepo && `hf:${hfRepo}`, modelUrl].filter((name) => name !== undefined)];
  if (files.length !== 1) throw new UsageError('give one file: gguf-embed inspect FILE');
  checkHubFlags(values, files[0]);
  const { source, onRead } = await openModel(files[0], values);
  const file = await openGguf(source);
  onRead();
  try {
    const model = modelInFile(file);
    if (values.json) {
      const description = describeGguf(file, Number.POSITIVE_INFINITY);
      const shown = 'tree' in model ? { tree: plainTree(model.tree) } : model;
      await write(`${escapeControlsInLines(JSON.stringify({ ...description, model: shown }, null, 2))}\n`);
    } else {
      const description = describeGguf(file, SHOWN_ELEMENTS);
      await write(escapeControlsInLines(`${describe(description)}\n${describeModel(model, description)}`));
    }
  } finally {
    await file.close();
  }
}

/** The source of a model. `onRead` logs how many bytes of a remote file were needed to read its header. */
async function openModel(name: string, values: OptionValues): Promise<{ source: ByteSource; onRead: () => void }> {
  if (!isRemote(name)) return { source: await openSource(name), onRead: () => {} };
  if (values.offline) {
    const { findModel } = await import('../../hub/find-model.node.ts');
    return { source: await openModelFile(await findModel(name, hubOptions(values))), onRead: () => {} };
  }
  const { openRemoteModel } = await import('../../hub/remote-model.ts');
  const { hubSettings } = await import('../../hub/settings.node.ts');
  const connection = await hubSettings({ ...hubOptions(values), onMessage: log });
  const { source, openSibling } = await openRemoteModel(name, connection, { file: values.hfFile, blockBytes: 0 });
  const opened = [source];
  const whole = await wholeSource(source, async (part) => {
    const sibling = await openSibling(part);
    opened.push(sibling);
    return sibling;
  });
  const total = (key: 'fetched' | 'size') => byteSize(opened.reduce((sum, remote) => sum + remote[key], 0));
  return { source: whole, onRead: () => log(`read ${total('fetched')} of ${total('size')}`) };
}

function describeModel(model: ModelInFile, { parameters }: GgufDescription): string {
  if ('problem' in model) return `cannot run this model: ${model.problem}\n`;
  const { kind, tree } = model;
  const others = parameters - tree.nParams;
  const note = others > 0 ? `, and ${others} that embeddings do not need` : '';
  return `${kind} ${tree.name}, ${plural(tree.nParams, 'parameter')}${note}\n${drawTree(tree)}`;
}

function plainTree({ name, nParams, children, weight }: ModelTreeNode): unknown {
  if (weight !== undefined) return { name, parameters: nParams, type: weight.type.name, shape: weight.shape };
  return { name, parameters: nParams, children: children.map(plainTree) };
}

function describe(file: GgufDescription): string {
  const { metadata, tensors } = file;
  const types = new Map<string, number>();
  for (const { type, bytes } of tensors) types.set(type, (types.get(type) ?? 0) + bytes);
  return `${escapeControls(file.name)}: ${byteSize(file.size)}, GGUF version ${file.version}, ${file.byteOrder}, alignment ${file.alignment}, data from byte ${file.dataOffset}

${plural(metadata.length, 'metadata key')}
${table(metadata.map((entry) => [escapeControls(entry.key), typeName(entry), shownValue(entry)]))}
${plural(tensors.length, 'tensor')}, ${plural(file.parameters, 'parameter')}, ${byteSize(file.tensorBytes)}
${table(
  tensors.map(({ name, type, shape, bytes, offset }) => [
    escapeControls(name),
    type,
    `[${shape.join(', ')}]`,
    byteSize(bytes),
    `at ${offset}`,
  ]),
)}${types.size > 0 ? `\n${Array.from(types, ([name, bytes]) => `${name}: ${byteSize(bytes)}`).join(', ')}\n` : ''}`;
}

function typeName({ type, elementType }: KeyDescription): string {
  return elementType === undefined ? type : `${elementType}[]`;
}

function shownValue({ type, value, length, shortened }: KeyDescription): string {
  // The shortest decimal of the float32 is easier to read than that of the float64.
  const shown = type === 'float32' && typeof value === 'number' ? Number(value.toPrecision(7)) : value;
  const text = JSON.stringify(shown);
  const cut = text.length > SHOWN_VALUE ? `${text.slice(0, SHOWN_VALUE)}…` : text;
  return shortened ? `${cut} … ${length} in all` : cut;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  const lines = rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i])).join('  ')}`);
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}
