/**
 * @file The rows of the option table about looking at what is computed and holding it against something else.
 */
import type { OptionSpec } from '../option-types.ts';

export const auditOptions = [
  {
    name: 'only',
    flags: ['--only'],
    type: 'list',
    value: 'NAMES',
    commands: ['trace'],
    help: 'keep only tensors of these names, separated by commas; * stands for any text',
  },
  {
    name: 'npz',
    flags: ['--npz'],
    type: 'string',
    value: 'FILE',
    commands: ['trace'],
    help: 'write all values to a file for numpy',
  },
  {
    name: 'safetensors',
    flags: ['--safetensors'],
    type: 'string',
    value: 'FILE',
    commands: ['trace'],
    help: 'write all values to a safetensors file',
  },
  {
    name: 'compare',
    flags: ['--compare'],
    type: 'string',
    value: 'FILE',
    commands: ['trace'],
    help: 'compare with a trace in a file: .npz, safetensors, JSON, or the output of llama-eval-callback',
  },
  {
    name: 'versus',
    flags: ['--versus'],
    type: 'string',
    value: 'BACKEND[:PRECISION]',
    commands: ['trace'],
    help: 'compare with another backend, or another precision of a backend: wasm, webgpu, reference, wasm:fast',
  },
  {
    name: 'tolerance',
    flags: ['--tolerance'],
    type: 'number',
    value: 'X',
    min: 0,
    max: 1,
    commands: ['trace'],
    help: 'largest difference that --compare and --versus take for none, as a part of the largest value of a tensor; the default is 1e-4, 0.005 where a side computes with precision high, 0.05 where one rounds to 8 bits (fast, and llama.cpp with quantised matrices)',
  },
] as const satisfies readonly OptionSpec[];
