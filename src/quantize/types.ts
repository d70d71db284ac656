/**
 * @file Which type each tensor gets when a model is quantised: the choices of llama.cpp (`llama-quantize`, without
 * importance matrix) for the architectures that this package runs.
 */
import {
  type FileType,
  type FileTypeName,
  fileTypes,
  type GgmlType,
  type GgmlTypeName,
  GgufError,
  type GgufFile,
  ggmlTypes,
  type TensorInfo,
} from '../gguf/index.ts';

/** The file types that `quantize` writes, largest first, each with the type of most of its matrices. */
const baseTypes = {
  F32: 'F32',
  F16: 'F16',
  BF16: 'BF16',
  Q8_0: 'Q8_0',
  Q6_K: 'Q6_K',
  Q5_K_M: 'Q5_K',
  Q5_K_S: 'Q5_K',
  Q5_1: 'Q5_1',
  Q5_0: 'Q5_0',
  Q4_K_M: 'Q4_K',
  Q4_K_S: 'Q4_K',
  IQ4_NL: 'IQ4_NL',
  Q4_1: 'Q4_1',
  Q4_0: 'Q4_0',
} as const satisfies Partial<Record<FileTypeName, GgmlTypeName>>;

/** Name of a file type that `quantize` writes. */
export type TargetTypeName = keyof typeof baseTypes;

/** A file type that `quantize` writes. */
export interface TargetType extends FileType {
  readonly name: TargetTypeName;
  /** The type of most matrices. */
  readonly base: GgmlType;
}

/** All of them, largest first. */
export const targetTypes: readonly TargetType[] = (Object.keys(baseTypes) as TargetTypeName[]).map((name) => ({
  ...fileTypes[name],
  name,
  base: ggmlTypes[baseTypes[name]],
}));

/** Short names that `llama-quantize` also accepts. */
const aliases: Readonly<Record<string, TargetTypeName>> = { Q4_K: 'Q4_K_M', Q5_K: 'Q5_K_M' };

/**
 * The file type with this name, in upper or lower case, or with this number (`general.file_type`), as `llama-quantize` accepts them;
 * `undefined` if there is none. `Q4_K` and `Q5_K` mean their `_M` mixes.
 */
export function findTargetType(name: string): TargetType | undefined {
  const upper = name.toUpperCase();
  return targetTypes.find((type) => type.name === (aliases[upper] ?? upper) || String(type.id) === name);
}

/** What a rule depends on besides the tensor. Counters follow the tensors in the order of `inOrder`. */
interface Mix {
  readonly target: TargetType;
  readonly nLayer: number;
  readonly nExpert: number;
  /** Query heads for each key/value head. */
  readonly nGqa: number;
  /** llama with 80 layers and grouped heads. Its small `attn_v` deserves more bits. */
  readonly is70B: boolean;
  /** Without `output.weight`, `token_embd.weight` counts as output. */
  readonly tied: boolean;
  readonly nAttnV: number;
  iAttnV: number;
  iFfnDown: number;
}

/** A tensor and its new type. */
export interface TensorPlan {
  readonly info: TensorInfo;
  readonly type: GgmlType;
}

/**
 * The tensors of the new file, in its order (layer by layer, by name), with their types.
 * @param pure give every matrix the base type instead of the mix
 * @throws GgufError for a file without the keys that the choice depends on
 */
export function chooseTypes(file: GgufFile, target: TargetType, pure = false): TensorPlan[] {
  const tensors = [...file.tensors.values()].sort(inOrder);
  const mix = readMix(file, target);
  return tensors.map((info) => {
    if (!isQuantised(info)) return { info, type: info.type };
    if (target.base.blockSize === 1) return { info, type: target.base };
    return { info, type: ggmlTypes[fitRows(info, pure ? target.base.name : mixed(info, mix))] };
  });
}

/** Layer of a tensor, −1 for one outside the layers. */
function layerOf(name: string): number {
  return Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? -1);
}

/** The order of tensors in files that `llama-quantize` writes. */
function inOrder(a: TensorInfo, b: TensorInfo): number {
  return layerOf(a.name) - layerOf(b.name) || (a.name < b.name ? -1 : 1);
}

function readMix(file: GgufFile, target: TargetType): Mix {
  const { metadata } = file;
  const arch = metadata.string('general.architecture');
  if (arch === undefined) throw new GgufError('the key is missing', { source: file.name, key: 'general.architecture' });
  // llama.cpp counts no layers in vision towers, so that each deserves more bits.
  const nLayer = arch === 'clip' ? 0 : metadata.u32(`${arch}.block_count`);
  if (nLayer === undefined)
    throw new GgufError('the key is missing', { source: file.name, key: `${arch}.block_count` });
  const heads = (key: string): number | undefined =>
    metadata.valueType(key) === 'array' ? Number(metadata.numbers(key)?.[0]) : metadata.u32(key);
  const nHead = heads(`${arch}.attention.head_count`) ?? 0;
  const nHeadKv = heads(`${arch}.attention.head_count_kv`) ?? nHead;
  return {
    target,
    nLayer,
    nExpert: metadata.u32(`${arch}.expert_count`) ?? 0,
    nGqa: nHeadKv === 0 ? 0 : Math.floor(nHead / nHeadKv),
    is70B: arch === 'llama' && nLayer === 80 && nHead !== nHeadKv,
    tied: !file.tensors.has('output.weight'),
    nAttnV: [...file.tensors.keys()].filter(isAttnV).length,
    iAttnV: 0,
    iFfnDown: 0,
  };
}

const isAttnV = (name: string) => /attn_(v|qkv|kv_b)\.weight/.test(name);

/** Matrices that keep their type: norms, routers, kernels of short convolutions, and tables whose rows are looked up and not multiplied. */
const kept =
  /_norm\.weight|ffn_gate_inp\.weight|attn_rel_b\.weight|shortconv\.conv\.weight|^(v\.position_embd|position_embd|token_types)\.weight$/;

/** Convolution kernels have four axes, and their rows are as short as a patch is wide. */
const mostAxes = 3;

/** Whether a tensor is a matrix (or a stack of matrices) that gets a new type. */
function isQuantised({ name, shape, type }: TensorInfo): boolean {
  const isInteger = /^I(8|16|32|64)$/.test(type.name);
  const isMatrix = shape.length <= mostAxes && shape.slice(1).some((n) => n !== 1);
  return isMatrix && name.endsWith('weight') && !kept.test(name) && !isInteger;
}

/** First and last eighth of the layers, and every third between. */
function deservesMoreBits(i: number, n: number): boolean {
  const eighth = Math.floor(n / 8);
  return i < eighth || i >= Math.floor((7 * n) / 8) || (i - eighth) % 3 === 2;
}

/** The mix's type for a matrix, whether its rows fit or not. */
function mixed(info: TensorInfo, mix: Mix): GgmlTypeName {
  const { name } = info;
  const kind = mix.target.name;
  const base = mix.target.base;
  const isMedium = kind === 'Q4_K_M' || kind === 'Q5_K_M';

  if (name === 'output.weight' || (mix.tied && name === 'token_embd.weight')) {
    return info.shape[0] % base.blockSize !== 0 || base.name === 'Q8_0' ? 'Q8_0' : 'Q6_K';
  }
  if (isAttnV(name)) {
    const i = mix.iAttnV++;
    if (mix.nExpert === 8) return 'Q8_0';
    let type: GgmlTypeName = base.name;
    if (kind === 'IQ4_NL' && mix.nGqa >= 4) type = 'Q5_K';
    else if (isMedium && deservesMoreBits(i, mix.nAttnV)) type = 'Q6_K';
    else if (kind === 'Q4_K_S' && i < 4) type = 'Q5_K';
    return mix.is70B && type === 'Q4_K' ? 'Q5_K' : type;
  }
  if (name.includes('attn_k.weight')) return mix.nExpert === 8 ? 'Q8_0' : base.name;
  if (name.includes('attn_output.weight')) {
    return mix.nExpert === 8 && (kind === 'IQ4_NL' || base.name === 'Q4_K') ? 'Q5_K' : base.name;
  }
  if (name.includes('ffn_down')) {
    const i = mix.nExpert > 1 ? layerOf(name) : mix.iFfnDown;
    mix.iFfnDown++;
    if (isMedium && deservesMoreBits(i, mix.nLayer)) return 'Q6_K';
    if ((kind === 'IQ4_NL' || kind === 'Q4_K_S') && i < Math.floor(mix.nLayer / 8)) return 'Q5_K';
  }
  return base.name;
}

/** The replacement for a type with blocks of 256 if the row length is not a multiple of 256. */
const narrower: Partial<Record<GgmlTypeName, GgmlTypeName>> = { Q4_K: 'Q5_0', Q5_K: 'Q5_1', Q6_K: 'Q8_0' };

/**
 * The type, or the nearest type whose block size divides the tensor's rows; F16 as the last resort. (`llama-quantize` refuses some of
 * these.)
 */
function fitRows(info: TensorInfo, type: GgmlTypeName): GgmlTypeName {
  const fits = (name: GgmlTypeName) => info.shape[0] % ggmlTypes[name].blockSize === 0;
  if (fits(type)) return type;
  const next = narrower[type];
  return next !== undefined && fits(next) ? next : 'F16';
}
