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
  /** Patches along a side of the square that pixel shuffle makes one token. */
  readonly scaleFactor: number;
  /** Pixels of the longer side of an image before it is cut into tiles. */
  readonly longestSide: number | undefined;
  /** Tokens of an image, where that is one number. */
  readonly nImageTokens: number;

  constructor(vision: Json, whole: Config, preprocessor: Json) {
    super({ ...vision, model_type: 'vision', architectures: [whole.modelClass] });
    const text = whole.text();
    this.nEmbdText = text.needU32('hidden_size');
    this.eps = this.float('layer_norm_eps') ?? text.float('rms_norm_eps') ?? 1e-6;
    this.mean = channels(preprocessor, 'image_mean');
    this.std = channels(preprocessor, 'image_std');
    this.scaleFactor = whole.u32('scale_factor') ?? 2;
    this.longestSide = longestSide(preprocessor);
    const { image_seq_length: tokens } = preprocessor;
    this.nImageTokens = typeof tokens === 'number' ? tokens : (whole.u32('mm_tokens_per_image') ?? 256);
  }

  get nLayers(): number {
    return this.layerCount('depth', 'num_hidden_layers');
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

/**
 * @param defaults values of `vision_config` that may be missing
 * @throws ConvertError when the checkout has no vision tower, or does not say how images are normalised
 */
export async function readVisionConfig(checkout: Checkout, config: Config, defaults: Json = {}): Promise<VisionConfig> {
  const { vision_config: vision } = config.raw;
  if (!isObject(vision))
    throw new ConvertError('vision_config is missing: the model has no vision tower', 'config.json');
  return new VisionConfig({ ...defaults, ...vision }, config, await readPreprocessor(checkout));
}

/** The preprocessor's config; newer checkouts have it in that of the processor, which counts where both say something. */
async function readPreprocessor(checkout: Checkout): Promise<Json> {
  const own = await readJsonObject(checkout, PREPROCESSOR);
  const processor = await readJsonObject(checkout, 'processor_config.json');
  if (own === undefined && processor === undefined) throw new ConvertError('the file is missing', PREPROCESSOR);
  const { image_processor: images } = processor ?? {};
  return { ...own, ...processor, ...(isObject(images) ? images : {}) };
}

function longestSide({ size }: Json): number | undefined {
  const side = isObject(size) ? size.longest_edge : undefined;
  if (side === undefined || (typeof side === 'number' && Number.isInteger(side) && side >= 0 && side < 2 ** 32))
    return side;
  throw new ConvertError(`longest_edge is ${JSON.stringify(side)}; a whole number was expected`, PREPROCESSOR);
}

function channels(preprocessor: Json, key: string): number[] {
  const values = preprocessor[key];
  if (!Array.isArray(values) || values.length !== 3 || !values.every((value) => typeof value === 'number')) {
    throw new ConvertError(`${key} is ${JSON.stringify(values)}; three numbers were expected`, PREPROCESSOR);
  }
  return values;
}
