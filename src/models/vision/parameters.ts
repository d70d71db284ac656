/**
 * @file Reads the hyper-parameters that every vision tower has, from the metadata keys below `clip`. A tower reads its own keys itself.
 */
import type { GgufFile, Metadata } from '../../gguf/index.ts';
import type { Activation } from '../../tensor/ops.ts';
import { ModelError } from '../errors.ts';
import { Keys } from '../keys.ts';
import type { RopeParameters } from '../rope.ts';

/** `general.architecture` of a file with a vision tower. */
export const projectorArchitecture = 'clip';

const maxLayers = 512;
/**
 * Largest side in pixels of an image and of a patch. It is several times that of known towers and keeps a file from requesting gigabytes of
 * pixels.
 */
const maxImageSize = 4096;
const maxPatchSize = 64;

/** The shape of a tower. Lists have one entry for each layer. */
export interface VisionParameters {
  /** Prefix of the metadata keys. */
  readonly architecture: 'clip.vision';
  readonly nLayer: number;
  /** Width of the tower. */
  readonly nEmbd: number;
  readonly nHead: readonly number[];
  readonly nHeadKv: readonly number[];
  readonly nEmbdHeadK: number;
  readonly nEmbdHeadV: number;
  /** Rotation of queries and keys, for towers that rotate them. */
  readonly rope: RopeParameters;
  /** Epsilon of every norm. */
  readonly eps: number;
  readonly activation: Activation;
  /** Side of a patch in pixels. */
  readonly patchSize: number;
  /** Side in pixels of the images that the tower was trained on. */
  readonly imageSize: number;
  /** Width of the text model. */
  readonly nEmbdText: number;
  /** For each channel, what is subtracted from its values (from 0 to 1), and their divisor. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * The projector type.
 * @throws ModelError for a file that has no vision tower
 */
export function readProjectorType(metadata: Metadata): string {
  const architecture = metadata.string('general.architecture');
  if (architecture !== projectorArchitecture) {
    const message = `general.architecture is ${architecture ?? 'missing'}: a file with a vision tower has ${projectorArchitecture} there`;
    throw new ModelError(message, { key: 'general.architecture' });
  }
  const key = 'clip.has_vision_encoder';
  if (metadata.bool(key) !== true) {
    const has = metadata.bool('clip.has_audio_encoder') === true ? ' only an audio encoder' : ' no vision tower';
    throw new ModelError(`the file has${has}: ${key} is not true`, { key });
  }
  const type = metadata.string('clip.projector_type') || metadata.string('clip.vision.projector_type');
  if (!type) throw new ModelError('clip.projector_type is missing from the metadata', { key: 'clip.projector_type' });
  return type;
}

/**
 * Reads the hyper-parameters.
 * @throws ModelError for a missing key or an invalid value, GgufError for a key of another type
 */
export function readVisionParameters({ metadata }: GgufFile): VisionParameters {
  const architecture = 'clip.vision';
  const keys = new Keys(metadata, architecture);
  const positive = (key: string, most: number, fallback?: number) => {
    const value = keys.u32(key, fallback);
    if (value === 0 || value > most) throw keys.error(key, `is ${value}, not a number from 1 to ${most}`);
    return value;
  };
  const nLayer = positive('block_count', maxLayers);
  const nEmbd = positive('embedding_length', 2 ** 24);
  const nHead = positive('attention.head_count', nEmbd);
  const nHeadKv = positive('attention.head_count_kv', nHead, nHead);
  if (nHead % nHeadKv !== 0)
    throw keys.error('attention.head_count_kv', `is ${nHeadKv}, which does not divide ${nHead} heads`);
  if (!keys.has('attention.head_dim') && nEmbd % nHead !== 0) {
    throw keys.error('attention.head_count', `is ${nHead}, which does not divide ${nEmbd} values`);
  }
  const headSize = positive('attention.head_dim', nEmbd, Math.floor(nEmbd / nHead));
  const perLayer = (n: number) => new Array<number>(nLayer).fill(n);
  return {
    architecture,
    nLayer,
    nEmbd,
    nHead: perLayer(nHead),
    nHeadKv: perLayer(nHeadKv),
    nEmbdHeadK: headSize,
    nEmbdHeadV: headSize,
    rope: { nRot: headSize, freqBase: 10000, freqScale: 1, extended: false },
    eps: keys.positiveF32('attention.layer_norm_epsilon'),
    activation: readActivation(metadata),
    patchSize: positive('patch_size', maxPatchSize),
    imageSize: positive('image_size', maxImageSize),
    nEmbdText: positive('projection_dim', 2 ** 24),
    mean: readChannels(keys, 'image_mean'),
    std: readChannels(keys, 'image_std').map((value) => {
      if (value === 0) throw keys.error('image_std', 'has a 0');
      return value;
    }),
  };
}

/** Activation of the feed-forward layers. The default is quick GELU. */
function readActivation(metadata: Metadata): Activation {
  const gelu = metadata.bool('clip.use_gelu') ?? false;
  const silu = metadata.bool('clip.use_silu') ?? false;
  if (gelu && silu) {
    throw new ModelError('clip.use_gelu and clip.use_silu are both true', { key: 'clip.use_silu' });
  }
  return gelu ? 'gelu' : silu ? 'silu' : 'gelu_quick';
}

/** A number for each of the three channels. */
function readChannels(keys: Keys, key: string): number[] {
  const values = keys.metadata.numbers(keys.name(key));
  if (values === undefined) throw keys.error(key, 'is missing from the metadata');
  const channels = Array.from(values as ArrayLike<number>).slice(0, 3);
  if (channels.length < 3 || !channels.every(Number.isFinite)) {
    throw keys.error(key, `is [${values}], not a number for each of three channels`);
  }
  return channels;
}
