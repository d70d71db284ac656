/**
 * @file What the config and the preprocessor's config of a checkout say about its vision tower.
 */
import { type Checkout, isObject, type Json, readJsonObject } from '../checkout/checkout.ts';
import { Config } from '../checkout/config.ts';
import { ConvertError } from '../conversion-error.ts';

const PREPROCESSOR = 'preprocessor_config.json';

/** `vision_config`, with what else a tower needs; every value is checked when it is handed out. */
export class VisionConfig extends Config {
  /** Width of the text model. */
  readonly nEmbdText: number;
  /** Of the norms. */
  readonly eps: number;
  /** For each channel. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** Tokens of an image, where that is one number. */
  readonly nImageTokens: number;

  constructor(vision: Json, whole: Config, preprocessor: Json) {
    super({ ...vision, model_type: 'vision', architectures: [whole.modelClass] });
    const text = whole.text();
    this.nEmbdText = text.needU32('hidden_size');
    this.eps = this.float('layer_norm_eps') ?? text.float('rms_norm_eps') ?? 1e-6;
    this.mean = channels(preprocessor, 'image_mean');
    this.std = channels(preprocessor, 'image_std');
    const { image_seq_length: tokens } = preprocessor;
    this.nImageTokens = typeof tokens === 'number' ? tokens : (whole.u32('mm_tokens_per_image') ?? 256);
  }

  get nLayers(): number {
    return this.needU32('depth', 'num_hidden_layers');
  }

  /** Width of the tower. In Qwen2-VL, `hidden_size` is that of the text model. */
  get nEmbd(): number {
    return this.needU32('embed_dim', 'hidden_size');
  }

  get nFf(): number {
    return this.u32('intermediate_size') ?? Math.round(this.nEmbd * (this.float('mlp_ratio') ?? 4));
  }

  /** The layers whose results go into the text model, too. */
  get deepstackLayers(): number[] {
    return this.get('deepstack_visual_indexes') === undefined ? [] : this.numbers('deepstack_visual_indexes');
  }

  /** A list of whole numbers. @throws ConvertError when it is absent or something else */
  numbers(key: string): number[] {
    const value = this.get(key);
    if (!Array.isArray(value) || !value.every((n) => Number.isInteger(n) && n >= 0)) {
      throw new ConvertError(`${key} is ${JSON.stringify(value)}; a list of whole numbers was expected`, 'config.json');
    }
    return value;
  }
}

/** @throws ConvertError when the checkout has no vision tower, or does not say how images are normalised */
export async function readVisionConfig(checkout: Checkout, config: Config): Promise<VisionConfig> {
  const { vision_config: vision } = config.raw;
  if (!isObject(vision))
    throw new ConvertError('vision_config is missing: the model has no vision tower', 'config.json');
  const preprocessor = await readJsonObject(checkout, PREPROCESSOR);
  if (preprocessor === undefined) throw new ConvertError('the file is missing', PREPROCESSOR);
  return new VisionConfig(vision, config, preprocessor);
}

function channels(preprocessor: Json, key: string): number[] {
  const values = preprocessor[key];
  if (!Array.isArray(values) || values.length !== 3 || !values.every((value) => typeof value === 'number')) {
    throw new ConvertError(`${key} is ${JSON.stringify(values)}; three numbers were expected`, PREPROCESSOR);
  }
  return values;
}
