/**
 * @file The rows of the option table about records: what is read of them, and what is written.
 */
import { outputDtypes } from '../../engine/output-dtypes.ts';
import type { OptionSpec } from '../option-types.ts';

export const bulkOptions = [
  {
    name: 'textField',
    flags: ['--text-field'],
    type: 'string',
    value: 'NAME',
    default: 'text',
    commands: ['embed'],
    needs: [{ anyOf: ['jsonl'] }],
    help: 'the field of a record that holds its text',
  },
  {
    name: 'fields',
    flags: ['--fields'],
    type: 'list',
    value: 'NAME,...',
    mayBeEmpty: true,
    commands: ['embed'],
    needs: [{ anyOf: ['jsonl'] }],
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
    needs: [{ anyOf: ['jsonl'] }],
    help: 'type of the values of vectors; int8 scales each vector to its largest value, binary and ubinary have one bit a value',
  },
] as const satisfies readonly OptionSpec[];
