/**
 * @file The rows of the option table about vectors.
 */
import { MAX_DIMENSIONS } from '../../engine/outputs/normalize.ts';
import { truncateSides } from '../../engine/types.ts';
import { poolingTypes, rowPoolings } from '../../models/pooling-types.ts';
import { MAX_INT, type OptionSpec } from './option-types.ts';

export const vectorOptions = [
  {
    name: 'pooling',
    flags: ['--pooling'],
    env: 'LLAMA_ARG_POOLING',
    type: 'string',
    value: 'TYPE',
    choices: poolingTypes,
    joins: rowPoolings,
    commands: ['serve', 'embed', 'trace', 'eval'],
    help: 'how the vectors of tokens become one vector; several, as cls+mean, are put side by side; the default comes from the file',
  },
  {
    name: 'embdNormalize',
    flags: ['--embd-normalize'],
    type: 'integer',
    value: 'N',
    default: 2,
    min: -MAX_INT,
    max: MAX_INT,
    commands: ['serve', 'embed', 'trace'],
    needs: [{ feature: 'embedding' }],
    help: 'normalisation: -1 none, 0 largest value becomes 32760, 1 taxicab, 2 euclidean, p p-norm',
  },
  {
    name: 'dimensions',
    flags: ['--dimensions'],
    type: 'integer',
    value: 'N',
    min: 1,
    max: MAX_DIMENSIONS,
    commands: ['embed', 'eval'],
    help: 'values in a vector; fewer than the model has: the vector is cut and normalised again; more: it is padded with zeros',
  },
  {
    name: 'profile',
    flags: ['--profile'],
    type: 'switch',
    default: false,
    commands: ['embed'],
    needs: [{ noneOf: ['output'] }],
    help: 'log the time of each kind of operation',
  },
  {
    name: 'truncate',
    flags: ['--truncate'],
    type: 'string',
    value: 'WHERE',
    default: 'no',
    choices: ['no', ...truncateSides],
    commands: ['embed', 'trace', 'eval'],
    needs: [{ commands: ['embed'], noneOf: ['chunk'] }],
    help: 'where to cut an input that is longer than the context; with no it is an error',
  },
] as const satisfies readonly OptionSpec[];
