/**
 * @file The rows of the option table that every command has.
 */
import { commandNames, type OptionSpec } from './option-types.ts';

export const generalOptions = [
  {
    name: 'config',
    flags: ['--config'],
    env: 'GGUF_EMBED_CONFIG',
    type: 'string',
    value: 'FILE',
    path: 'file',
    commands: commandNames,
    help: 'YAML or JSON file with options, by the names of their flags without dashes; flags and variables override it',
  },
  {
    name: 'verbose',
    flags: ['-v', '--log-verbose', '--verbose'],
    type: 'switch',
    default: false,
    commands: commandNames,
    help: 'log more, and show the stack of an error',
  },
  {
    name: 'help',
    flags: ['-h', '--usage', '--help'],
    type: 'switch',
    default: false,
    commands: commandNames,
    help: 'print this help',
  },
  {
    name: 'version',
    flags: ['--version'],
    type: 'switch',
    default: false,
    commands: commandNames,
    help: 'print the version',
  },
] as const satisfies readonly OptionSpec[];
