/**
 * @file Special tokens: their ids, and which of them go around a text.
 */
import type { GgufWriter } from '../../gguf/index.ts';
import { isObject, type Json } from '../checkout/checkout.ts';
import type { Config } from '../checkout/config.ts';
import { contentOf, type HfTokenizer } from './hf-tokenizer.ts';
import { partsOf } from './tokenizer-parts.ts';

/** Roles with an id, in the order of the file, with their keys (in llama.cpp's historical spelling). */
const idKeys = {
  bos: 'bos_token_id',
  eos: 'eos_token_id',
  unk: 'unknown_token_id',
  sep: 'seperator_token_id',
  pad: 'padding_token_id',
  mask: 'mask_token_id',
} as const;

type Role = keyof typeof idKeys;

/** Texts of the roles; `cls` is only a substitute for `bos`. */
type Texts = Partial<Record<Role | 'cls', string>>;

/** Roles that can be added to a text, in the order of discovery. */
type Adding = Map<'bos' | 'eos' | 'sep', boolean>;

/** Sets the `*_token_id`, `add_*_token` and `normalizer.*` keys of a tokenizer with `nVocab` tokens. */
export function setSpecials(
  writer: GgufWriter,
  { json, config: own, added }: HfTokenizer,
  config: Config,
  nVocab: number,
): void {
  const texts: Texts = {};
  for (const role of [...(Object.keys(idKeys) as Role[]), 'cls'] as const)
    texts[role] = contentOf(own[`${role}_token`]);
  texts.bos ??= texts.cls;
  texts.eos ??= texts.sep;
  const adding = readPostProcessor(json.post_processor, texts);
  for (const role of ['bos', 'eos', 'sep'] as const) {
    const add = own[`add_${role}_token`];
    if (typeof add === 'boolean') adding.set(role, add);
  }
  const ids = new Map(Array.from(added.values(), ({ content, id }) => [content, id]));
  const found = new Map<Role, number>();
  const note = (role: Role, id: unknown) => {
    if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < nVocab && !found.has(role))
      found.set(role, id);
  };
  for (const role of Object.keys(idKeys) as Role[]) note(role, ids.get(texts[role] ?? ''));
  for (const role of Object.keys(idKeys) as Role[]) note(role, config.raw[`${role}_token_id`]);
  for (const [role, value] of found) writer.set(`tokenizer.ggml.${idKeys[role]}`, { type: 'uint32', value });
  for (const [role, value] of adding) writer.set(`tokenizer.ggml.add_${role}_token`, { type: 'bool', value });
  setNormalizer(writer, json);
}

/** What the post-processor adds around one text and between two. Also sets the texts of eos and sep that it finds. */
function readPostProcessor(processor: unknown, texts: Texts): Adding {
  const adding: Adding = new Map();
  if (!isObject(processor)) return adding;
  for (const one of Array.isArray(processor.processors) ? processor.processors : [processor]) {
    if (!isObject(one)) continue;
    if (one.type === 'RobertaProcessing') {
      for (const role of ['bos', 'eos', 'sep'] as const) adding.set(role, true);
      texts.sep ??= Array.isArray(one.sep) ? contentOf(one.sep[0]) : undefined;
    } else if (one.type === 'TemplateProcessing') readTemplates(one, texts, adding);
  }
  return adding;
}

function readTemplates(processor: Json, texts: Texts, adding: Adding): void {
  const single = steps(processor.single);
  const first = single.length > 1 ? specialOf(single[0]) : undefined;
  const last = single.length > 1 ? specialOf(single[single.length - 1]) : undefined;
  if (first !== undefined) adding.set('bos', first === texts.bos || first === texts.cls);
  if (last !== undefined) {
    texts.eos = last;
    adding.set('eos', true);
  }
  const pair = steps(processor.pair);
  const begin = first !== undefined && specialOf(pair[0]) === first ? 1 : 0;
  const end = last !== undefined && specialOf(pair[pair.length - 1]) === last ? pair.length - 1 : pair.length;
  const inner = pair.slice(begin, end);
  if (sequenceOf(inner[0]) !== 'A' || sequenceOf(inner[inner.length - 1]) !== 'B' || inner.length < 3) return;
  const between = inner.slice(1, -1).map(specialOf);
  const separates = (text: string | undefined) => text !== undefined && (text === texts.sep || text === texts.eos);
  const add = (separates(between[0]) && last === undefined) || (between.length === 2 && separates(between[1]));
  adding.set('sep', add);
  if (add) texts.sep ??= texts.eos;
}

function steps(template: unknown): Json[] {
  return Array.isArray(template) ? template.filter(isObject) : [];
}

function specialOf(step: Json | undefined): string | undefined {
  return isObject(step?.SpecialToken) ? contentOf(step.SpecialToken.id) : undefined;
}

function sequenceOf(step: Json | undefined): unknown {
  return isObject(step?.Sequence) ? step.Sequence.id : undefined;
}

function setNormalizer(writer: GgufWriter, { normalizer, model }: Json): void {
  const set = (key: string, value: unknown) => {
    if (typeof value === 'boolean') writer.set(`tokenizer.ggml.normalizer.${key}`, { type: 'bool', value });
  };
  const steps = partsOf(normalizer, 'normalizers');
  const has = (kind: string) => steps.some(({ type }) => type === kind);
  for (const { type, lowercase, strip_accents: strips } of steps) {
    if (type === 'BertNormalizer') {
      set('lowercase', lowercase);
      set('strip_accents', strips);
    }
    if (type === 'Lowercase') set('lowercase', true);
    if (type === 'StripAccents') set('strip_accents', true);
  }
  // Without these keys WordPiece does both.
  if (!isObject(model) || model.type !== 'WordPiece' || has('BertNormalizer')) return;
  set('lowercase', has('Lowercase'));
  set('strip_accents', has('NFD') && has('StripAccents'));
}
