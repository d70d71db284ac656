/**
 * @file The RoPE parameters of a file (base, scaling, YaRN) and their conversion to options of `Ops.rope`.
 */
import { printable } from '../gguf/errors.ts';
import type { Metadata, MetadataValue } from '../gguf/index.ts';
import { log } from '../tensor/exact-math.ts';
import type { RopeOptions, Weight } from '../tensor/ops.ts';
import { ModelError } from './errors.ts';
import { Keys } from './keys.ts';

/** The RoPE parameters of the file. */
export interface RopeParameters {
  /** Rotated dimensions of a head. */
  readonly nRot: number;
  readonly freqBase: number;
  /** 1 / scaling factor. */
  readonly freqScale: number;
  readonly yarn?: RopeOptions['yarn'];
  /** `longrope`: whether the context is longer than the original one, so that the long factors apply. */
  readonly extended: boolean;
}

const scalingTypes = ['none', 'linear', 'yarn', 'longrope'];

/**
 * Keys of the settings that a user gives instead of the file's, named like llama.cpp's flags. They are not keys of an architecture:
 * llama.cpp applies them after reading the file, in its own order.
 */
const settings = 'gguf_embed.rope.';

/** Values of `RopeSettings.scaling`. */
export const ropeScalings = ['none', 'linear', 'yarn'] as const;

/** RoPE parameters to use instead of the file's. */
export interface RopeSettings {
  /** How positions beyond the training context are scaled. */
  readonly scaling?: (typeof ropeScalings)[number] | undefined;
  readonly freqBase?: number | undefined;
  /** Factor of every angle: 0.5 doubles the context. */
  readonly freqScale?: number | undefined;
  /** Context of the training, beyond which YaRN applies. */
  readonly yarnOrigCtx?: number | undefined;
  /** Mix of YaRN: 0 is linear scaling, 1 is YaRN. */
  readonly yarnExtFactor?: number | undefined;
  /** Factor of queries and keys; only without YaRN. */
  readonly yarnAttnFactor?: number | undefined;
  readonly yarnBetaFast?: number | undefined;
  readonly yarnBetaSlow?: number | undefined;
}

/** Architectures whose positions are not rotated. */
const withoutRope = [
  'bert',
  'jina-bert-v2',
  't5encoder',
  'gguf-embed-static',
  'gguf-embed-mpnet',
  'gguf-embed-deberta',
];

/** Names of `RopeSettings` with their smallest valid values. */
const numericSettings = {
  freqBase: 1e-6,
  freqScale: 1e-6,
  yarnOrigCtx: 1,
  yarnExtFactor: 0,
  yarnAttnFactor: 0,
  yarnBetaFast: 0,
  yarnBetaSlow: 0,
} as const satisfies Partial<Record<keyof RopeSettings, number>>;

/** Names of the settings, in the order of `RopeSettings`. */
const ropeSettingNames = ['scaling', ...(Object.keys(numericSettings) as (keyof typeof numericSettings)[])] as const;

/**
 * `given` as metadata that `readRope` reads.
 * @throws ModelError for an invalid value
 */
export function ropeMetadata(given: RopeSettings): Record<string, MetadataValue> {
  const set: Record<string, MetadataValue> = {};
  if (given.scaling !== undefined) {
    if (!ropeScalings.includes(given.scaling)) {
      throw new ModelError(`rope.scaling is ${printable(String(given.scaling))}; known are ${ropeScalings.join(', ')}`);
    }
    set[`${settings}scaling`] = given.scaling;
  }
  for (const [name, least] of Object.entries(numericSettings)) {
    const value = given[name as keyof typeof numericSettings];
    if (value === undefined) continue;
    if (!(Number.isFinite(value) && value >= least))
      throw new ModelError(`rope.${name} is ${value}; it must be ${least} or more`);
    set[`${settings}${name}`] = { type: 'float64', value };
  }
  return set;
}

function readSettings({ metadata, architecture }: Keys): RopeSettings {
  const found = ropeSettingNames.filter((name) => metadata.has(settings + name));
  if (found.length > 0 && withoutRope.includes(architecture)) {
    throw new ModelError(`${architecture} has no rotary positions: rope.${found[0]} would change nothing`);
  }
  return Object.fromEntries(found.map((name) => [name, metadata.get(settings + name)]));
}

/**
 * Sentences about settings that change nothing because of other settings or the file, as llama.cpp ignores them.
 * @param metadata the file's, with the settings
 */
export function unusedRopeSettings(given: RopeSettings, metadata: Metadata): string[] {
  const architecture = metadata.string('general.architecture') ?? '';
  const keys = new Keys(metadata, architecture);
  const type = given.scaling ?? keys.string('rope.scaling.type', 'linear');
  const isYarn = (given.yarnExtFactor ?? (type === 'yarn' ? 1 : 0)) !== 0;
  const unused: string[] = [];
  const needYarn = ['yarnBetaFast', 'yarnBetaSlow', ...(type === 'longrope' ? [] : ['yarnOrigCtx'])] as const;
  for (const name of needYarn as readonly (keyof RopeSettings)[]) {
    if (given[name] === undefined || isYarn) continue;
    unused.push(`rope.${name} has no effect: it needs YaRN scaling, and the scaling is ${printable(type)}`);
  }
  if (given.yarnAttnFactor !== undefined && isYarn) {
    unused.push('rope.yarnAttnFactor has no effect: YaRN scaling sets the factor itself');
  }
  if (given.freqScale !== undefined && type === 'none') {
    unused.push('rope.freqScale has no effect: the scaling is none');
  }
  return unused;
}

/**
 * Reads `rope.*`.
 * @param nEmbdHeadK default of `rope.dimension_count`
 * @throws ModelError for more dimensions than a head has, an odd number of dimensions, or an unknown kind of scaling
 */
export function readRope(keys: Keys, nEmbdHeadK: number, nCtxTrain: number): RopeParameters {
  const nRot = keys.u32('rope.dimension_count', nEmbdHeadK);
  if (nRot > nEmbdHeadK) {
    throw keys.error('rope.dimension_count', `is ${nRot}, but a head has ${nEmbdHeadK} dimensions`);
  }
  if (nRot % 2 !== 0 && nRot !== nEmbdHeadK) {
    throw keys.error('rope.dimension_count', `is ${nRot}, but dimensions are rotated in pairs`);
  }
  const given = readSettings(keys);
  const type = given.scaling ?? keys.string('rope.scaling.type', 'linear');
  if (!scalingTypes.includes(type)) {
    throw keys.error('rope.scaling.type', `is ${printable(type)}; supported are ${scalingTypes.join(', ')}`);
  }
  const factor = keys.f32('rope.scaling.factor', keys.f32('rope.scale_linear', 0));
  const freqScale = type === 'none' ? 1 : (given.freqScale ?? (factor === 0 ? 1 : 1 / factor));
  const nCtxOrig = given.yarnOrigCtx ?? keys.u32('rope.scaling.original_context_length', nCtxTrain);
  const base = {
    nRot,
    freqBase: given.freqBase ?? keys.positiveF32('rope.freq_base', 10000),
    freqScale,
    extended: nCtxTrain > nCtxOrig,
  };
  const ownFactor = keys.f32('rope.scaling.attn_factor', 1);
  const {
    yarnExtFactor: extFactor = type === 'yarn' ? 1 : 0,
    yarnBetaFast: betaFast = 32,
    yarnBetaSlow: betaSlow = 1,
  } = given;
  if (extFactor !== 0) {
    // The kernel multiplies by 1 + 0.1 ln(1 / freqScale); the product must be YaRN's mscale, which is 1 below factor 1.
    const mscale = Math.max(1, 1 + 0.1 * log(1 / freqScale));
    const attnFactor = (mscale / (1 + 0.1 * log(1 / freqScale))) * ownFactor;
    return { ...base, yarn: { extFactor, attnFactor, betaFast, betaSlow, nCtxOrig } };
  }
  const attnFactor = (given.yarnAttnFactor ?? 1) * ownFactor;
  if (attnFactor === 1) return base;
  return { ...base, yarn: { extFactor: 0, attnFactor, betaFast, betaSlow, nCtxOrig } };
}

/**
 * The options of `Ops.rope`, except the number of heads.
 * @throws ModelError for an odd number of rotated dimensions
 */
export function ropeOptions(
  { nRot, freqBase, freqScale, yarn }: RopeParameters,
  kind: 'norm' | 'neox',
  freqFactors: Weight | undefined,
): Omit<RopeOptions, 'nHead'> {
  if (nRot % 2 !== 0) throw new ModelError(`rope.dimension_count is ${nRot}, but dimensions are rotated in pairs`);
  return { nRot, kind, freqBase, freqScale, freqFactors, yarn };
}
