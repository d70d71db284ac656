/**
 * @file The activations of `Dense` modules: names in files, by their classes in PyTorch. sentence-transformers makes them without arguments.
 */
import { ConvertError } from '../conversion-error.ts';

const names: Readonly<Record<string, string>> = {
  Identity: 'identity',
  Tanh: 'tanh',
  ReLU: 'relu',
  GELU: 'gelu_erf',
  SiLU: 'silu',
  Sigmoid: 'sigmoid',
  LogSigmoid: 'log_sigmoid',
  Softplus: 'softplus',
  Mish: 'mish',
  ELU: 'elu',
  // With the arguments that it has by default, it is the same.
  CELU: 'elu',
  SELU: 'selu',
  LeakyReLU: 'leaky_relu',
  RReLU: 'rrelu',
  ReLU6: 'relu6',
  Hardtanh: 'hardtanh',
  Hardsigmoid: 'hardsigmoid',
  Hardswish: 'hardswish',
  Hardshrink: 'hardshrink',
  Softshrink: 'softshrink',
  Softsign: 'softsign',
  Tanhshrink: 'tanhshrink',
  Softmax: 'softmax',
};

/** The name in files of an activation, by the path of its class. @throws ConvertError for one that is not known */
export function activationName(given: unknown, file: string): string {
  const name = String(given).split('.').at(-1) ?? '';
  if (Object.hasOwn(names, name)) return names[name];
  const known = Object.keys(names).join(', ');
  throw new ConvertError(`activation_function is ${JSON.stringify(given)}; supported are ${known}`, file);
}
