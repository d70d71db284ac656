/**
 * @file The rows of the option table about records: what is read of them, and what is written.
 */
import { outputDtypes } from '../../engine/output-dtypes.ts';
import { inputFormats } from '../bulk/input-formats.ts';
import { outputFormats } from '../bulk/output-forms.ts';
import { MAX_INT, type OptionSpec } from '../option-types.ts';

export const bulkOptions = [
  {
    name: 'output',
    flags: ['-o', '--output'],
    type: 'string',
    value: 'PATH',
    commands: ['embed'],
    needs: [{ noneOf: ['html', 'embdOutputFormat'] }],
    help: 'write the records of files with their vectors to a file (.jsonl, .jsonl.gz, .jsonl.zst, .parquet, .arrow, .npy), or in parts to a folder, whose name ends with /',
  },
  {
    name: 'outputFormat',
    flags: ['--output-format'],
    type: 'string',
    value: 'FORMAT',
    choices: outputFormats,
    commands: ['embed'],
    needs: [{ anyOf: ['output'] }],
    help: 'format of the parts in a folder; parquet by default',
  },
  {
    name: 'inputFormat',
    flags: ['--input-format'],
    type: 'string',
    value: 'FORMAT',
    choices: inputFormats,
    commands: ['embed'],
    needs: [{ anyOf: ['output'] }],
    help: 'format of the input files; by default their names say it. text is a text a line, file a text a file, image a picture a file',
  },
  {
    name: 'rowsPerPart',
    flags: ['--rows-per-part'],
    type: 'integer',
    value: 'N',
    default: 10_000,
    min: 1,
    max: MAX_INT,
    commands: ['embed'],
    needs: [{ anyOf: ['output'] }],
    help: 'rows of the input in each part of a folder',
  },
  {
    name: 'shard',
    flags: ['--shard'],
    type: 'string',
    value: 'I/N',
    commands: ['embed'],
    needs: [{ anyOf: ['output'] }],
    help: 'write only every Nth part of a folder, from the Ith on; N processes with I from 1 to N write all of them',
  },
  {
    name: 'textField',
    flags: ['--text-field'],
    type: 'string',
    value: 'NAME',
    default: 'text',
    commands: ['embed'],
    needs: [{ anyOf: ['jsonl', 'output'] }],
    help: 'the field of a record that holds its text',
  },
  {
    name: 'fields',
    flags: ['--fields'],
    type: 'list',
    value: 'NAME,...',
    mayBeEmpty: true,
    commands: ['embed'],
    needs: [{ anyOf: ['jsonl', 'output'] }],
    help: 'the fields of a record that its answer has, beside its vector; all by default, none with an empty list',
  },
  {
    name: 'promptName',
    flags: ['--prompt-name'],
    type: 'string',
    value: 'NAME',
    commands: ['embed'],
    help: "put the prompt of this name before each text: one of the model's (docs/models.md) or of --prompts",
  },
  {
    name: 'outputDtype',
    flags: ['--output-dtype'],
    type: 'string',
    value: 'TYPE',
    default: 'float',
    choices: outputDtypes,
    commands: ['embed'],
    needs: [{ anyOf: ['jsonl', 'output'] }],
    help: 'type of the values of vectors; int8 scales each vector to its largest value, binary and ubinary have one bit a value',
  },
] as const satisfies readonly OptionSpec[];
