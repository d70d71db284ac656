/**
 * @file LLaMA whose tokens see the whole text: NVIDIA's llama-nemotron-embed and llama-nemotron-rerank, and llama-embed-nemotron.
 */
import { layoutMetadata } from '../tokenizer/index.ts';
import type { Config } from './checkout/config.ts';
import { times } from './checkpoint/plus.ts';
import { ConvertError } from './conversion-error.ts';
import { llamaNames } from './decoder-names.ts';
import { llama } from './decoders.ts';
import type { ArchitectureKeys, ModelClass } from './model-class.ts';

/** Values of `pooling` in the config, with the names and numbers of a file. */
const poolings: Readonly<Record<string, readonly [name: string, id: number]>> = {
  avg: ['mean', 1],
  cls: ['cls', 2],
  last: ['last', 3],
};

function poolingOf(config: Config): readonly [name: string, id: number] {
  const pooling = config.string('pooling') ?? 'avg';
  if (Object.hasOwn(poolings, pooling)) return poolings[pooling];
  throw new ConvertError(`pooling is "${pooling}"; known are ${Object.keys(poolings).join(', ')}`, 'config.json');
}

function seesAll(keys: ArchitectureKeys, config: Config): void {
  llama.after?.(keys, config);
  keys.bool('attention.causal', false);
}

export const llamaBidirectional: ModelClass = {
  ...llama,
  architecture: 'llama-embed',
  after(keys, config) {
    seesAll(keys, config);
    keys.u32('pooling_type', poolingOf(config)[1]);
  },
};

/** A linear layer over the pooled hidden states, divided by a temperature. All of them were trained with one layout of pairs. */
export const llamaBidirectionalClassifier: ModelClass = {
  ...llamaBidirectional,
  names: { ...llamaNames, rules: [...llamaNames.rules, ['score', 'cls.output']] },
  after: seesAll,
  labels: (config) => config.allLabels(),
  stored(tensor, name, config) {
    if (name === 'cls.output.weight') return times(tensor, 1 / temperatureOf(config));
    return llama.stored?.(tensor, name, config) ?? tensor;
  },
  rerankKeys: (config) => ({
    'gguf_embed.classifier.row': poolingOf(config)[0],
    ...layoutMetadata(['question:{query} \n \n passage:{document}']),
  }),
};

function temperatureOf(config: Config): number {
  const temperature = config.float('temperature') ?? 1;
  if (temperature > 0) return temperature;
  throw new ConvertError(`temperature is ${temperature}; it must be positive`, 'config.json');
}
