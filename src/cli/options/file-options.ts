/**
 * @file The rows of the option table about writing GGUF files.
 */
import type { OutputType } from '../../convert/output-types.ts';
import type { OptionSpec } from './option-types.ts';

export const fileOptions = [
  {
    name: 'outtype',
    flags: ['--outtype'],
    type: 'string',
    value: 'TYPE',
    default: 'f16',
    choices: ['f32', 'f16', 'bf16', 'q8_0'] satisfies readonly Lowercase<OutputType>[],
    commands: ['convert'],
    help: 'type of the matrices',
  },
  {
    name: 'vision',
    flags: ['--vision'],
    type: 'switch',
    default: false,
    commands: ['convert'],
    help: 'write the vision tower of the model (an mmproj file) instead of its text model',
  },
  {
    name: 'mmprojOut',
    flags: ['--mmproj-out'],
    type: 'string',
    value: 'FILE',
    path: 'file',
    commands: ['convert'],
    help: 'also write the vision tower of the model, to this file',
  },
  {
    name: 'base',
    flags: ['--base'],
    type: 'string',
    value: 'FOLDER',
    path: 'folder',
    commands: ['convert'],
    help: 'for a LoRA adapter of PEFT: the checkout of its model, of which only the config is read',
  },
  {
    name: 'modelName',
    flags: ['--model-name'],
    type: 'string',
    value: 'TEXT',
    commands: ['convert'],
    help: 'general.name of the file',
  },
  {
    name: 'pure',
    flags: ['--pure'],
    type: 'switch',
    default: false,
    commands: ['quantize'],
    help: 'use one type for all matrices, without the mix that the name of the type implies',
  },
  {
    name: 'allowRequantize',
    flags: ['--allow-requantize'],
    type: 'switch',
    default: false,
    commands: ['quantize'],
    help: 'accept a file that is already quantised; lost precision cannot be restored',
  },
  {
    name: 'out',
    flags: ['--out'],
    type: 'string',
    value: 'DIR',
    path: 'folder',
    commands: ['page'],
    help: 'folder to write, made if it is not there',
  },
] as const satisfies readonly OptionSpec[];
