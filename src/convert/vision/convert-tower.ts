/**
 * @file Makes a GGUF (`mmproj`) of the vision tower of a Hugging Face checkout, as llama.cpp's converter does with `--mmproj`.
 */
import { readOptions } from '../../check-options.ts';
import { type ByteSink, fileTypes, GgufWriter, ggmlTypes, nElements, QUANTIZATION_VERSION } from '../../gguf/index.ts';
import type { Checkout } from '../checkout/checkout.ts';
import { readConfig } from '../checkout/config.ts';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { plus } from '../checkpoint/plus.ts';
import { type CheckpointTensor, dtypeBytes, holdsWeights } from '../checkpoint/tensors.ts';
import { ConvertError, optionError } from '../conversion-error.ts';
import {
  type ConvertOptions,
  convertOptions,
  type Planned,
  type PlannedTensor,
  planned,
  writeTensors,
} from '../convert.ts';
import { setGeneral } from '../general.ts';
import { ArchitectureKeys } from '../model-class.ts';
import { ggufName } from '../names.ts';
import { chooseType, type OutputType } from '../output-types.ts';
import { findTower, type TowerClass } from './towers.ts';
import { readVisionConfig, type VisionConfig } from './vision-config.ts';

/**
 * Writes the vision tower of `checkout` to `sink`.
 * @returns the tensors in the order of the file
 * @throws as `convert` does
 */
export async function convertTower(
  checkout: Checkout,
  sink: ByteSink,
  type: OutputType,
  given: ConvertOptions = {},
): Promise<readonly PlannedTensor[]> {
  const options = readOptions('convertTower', given, convertOptions, optionError);
  const whole = await readConfig(checkout);
  const tower = findTower(whole.modelClass);
  const config = await readVisionConfig(checkout, whole, tower.defaults);
  config.require('hidden_act', [tower.activation.name], `the projector ${tower.projector} has another`);
  const checkpoint = await openCheckpoint(checkout);
  try {
    const plan = checkpoint.tensors.flatMap((source) => planTensor(source, tower, config, type));
    if (plan.length === 0) throw new ConvertError('the checkpoint has no vision tower', checkout.name);
    const total = plan.reduce((sum, { shape }) => sum + nElements(shape), 0);
    const writer = new GgufWriter(sink);
    await setGeneral(writer, checkout, whole.raw, 'clip', total, 'mmproj');
    if (options.modelName) writer.set('general.name', { type: 'string', value: options.modelName });
    setKeys(writer, tower, config);
    writer.set('general.file_type', { type: 'uint32', value: fileTypes[type].id });
    writer.set('general.quantization_version', { type: 'uint32', value: QUANTIZATION_VERSION });
    for (const tensor of plan) writer.addTensor(tensor.name, tensor.type, tensor.shape);
    options.signal?.throwIfAborted();
    await writer.writeHeader();
    await writeTensors(writer, plan, total, options);
    writer.finish();
    return plan.map(planned);
  } finally {
    await checkpoint.close();
  }
}

function setKeys(writer: GgufWriter, tower: TowerClass, config: VisionConfig): void {
  const clip = new ArchitectureKeys(writer, 'clip');
  clip.bool('has_vision_encoder', true);
  clip.string('projector_type', tower.projector);
  if (tower.activation.key !== undefined) clip.bool(tower.activation.key, true);
  const keys = new ArchitectureKeys(writer, 'clip.vision');
  keys.u32('projection_dim', config.nEmbdText);
  keys.u32('image_size', tower.imageSize(config));
  keys.u32('patch_size', config.needU32('patch_size'));
  keys.u32('embedding_length', config.nEmbd);
  keys.u32('feed_forward_length', config.nFf);
  keys.u32('block_count', config.nLayers);
  keys.u32('attention.head_count', config.needU32('num_heads', 'num_attention_heads'));
  keys.floats('image_mean', config.mean);
  keys.floats('image_std', config.std);
  keys.f32('attention.layer_norm_epsilon', config.eps);
  tower.keys?.(keys, config);
}

/** The tensors of the file that a tensor of the checkpoint becomes; none if it belongs to the text model. */
function planTensor(source: CheckpointTensor, tower: TowerClass, config: VisionConfig, wanted: OutputType): Planned[] {
  if (!tower.part.test(source.name)) return [];
  const fail = (problem: string) => new ConvertError(`tensor ${source.name}: ${problem}`);
  // Gemma's projection is a parameter of its own, without `.weight`.
  const short = source.name.replace(tower.part, '').replace(/_weight$/, '.weight');
  let name = ggufName(tower.names, short);
  if (!name) throw fail('a vision tower of this class should have no such tensor');
  if (!holdsWeights(source.dtype)) throw fail(`${source.dtype} holds no weights`);
  if (nElements(source.shape) === 0) throw fail(`its shape is [${source.shape.join(', ')}], which has no values`);
  const list = /^v\.deepstack\.(\d+)\./.exec(name)?.[1];
  if (list !== undefined) {
    const layer = config.deepstackLayers[Number(list)];
    if (layer === undefined) throw fail('deepstack_visual_indexes names no such layer');
    name = name.replace(`.${list}.`, `.${layer}.`);
  }
  const { shifted } = tower;
  const values = plus(source, shifted?.name === name ? shifted.by : 0);
  const plan = (own: string, from: CheckpointTensor, skipped = 0): Planned => {
    const shape = from.shape.toReversed();
    return { name: own, shape, type: towerType(own, shape, wanted, tower), source: from, skipped };
  };
  if (name === 'v.patch_embd.weight' && source.shape.length === 5) {
    return frames(source).map((frame, i) => plan(i === 0 ? name : `${name}.${i}`, frame));
  }
  if (!tower.splitsQkv || !name.includes('attn_qkv')) return [plan(name, values)];
  const [rows, ...rest] = source.shape;
  const part = { ...source, shape: [rows / 3, ...rest] };
  if (!Number.isInteger(rows / 3)) throw fail(`${rows} rows are no queries, keys and values`);
  return ['attn_q', 'attn_k', 'attn_v'].map((own, i) =>
    plan(name.replace('attn_qkv', own), part, i * nElements(part.shape)),
  );
}

/** Kernels and positions are float32 but in F16 files; Gemma's projection is never smaller than a half. */
function towerType(name: string, shape: readonly number[], wanted: OutputType, { keepsKernels }: TowerClass) {
  if (name === 'v.position_embd.weight') return ggmlTypes.F32;
  if (name.startsWith('v.patch_embd.weight')) {
    return wanted === 'F16' && !keepsKernels ? ggmlTypes.F16 : ggmlTypes.F32;
  }
  if (name === 'mm.input_projection.weight' && wanted !== 'F32') return ggmlTypes.F16;
  return chooseType(name, shape, wanted);
}

/** The kernels of the frames out of `[nOut, channels, frames, height, width]`, each `[nOut, channels, height, width]`. */
function frames(source: CheckpointTensor): CheckpointTensor[] {
  const [nOut, nChannels, nFrames, height, width] = source.shape;
  const size = height * width;
  const bytes = dtypeBytes[source.dtype];
  return Array.from({ length: nFrames }, (_, frame) => ({
    name: source.name,
    dtype: source.dtype,
    shape: [nOut, nChannels, height, width],
    async read(first, into) {
      const end = first + into.length / bytes;
      for (let at = first; at < end; ) {
        const [image, inside] = [Math.floor(at / size), at % size];
        const n = Math.min(size - inside, end - at);
        const from = (image * nFrames + frame) * size + inside;
        await source.read(from, into.subarray((at - first) * bytes, (at - first + n) * bytes));
        at += n;
      }
    },
  }));
}
