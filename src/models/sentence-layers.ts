/**
 * @file The modules of sentence-transformers over pooled vectors, in files of any architecture that have `gguf_embed.dense.activations`: linear
 * layers with an activation (`Dense`), norms (`LayerNorm`) and scaling to length 1 (`Normalize`) between them. In files with
 * `gguf_embed.dense.routes`, queries and documents have layers of their own.
 */
import { printable } from '../gguf/errors.ts';
import { isRare } from '../tensor/element-functions.ts';
import type { Activation, Linear, NormWeights, Ops, RareActivation, Tensor } from '../tensor/ops.ts';
import { ModelError } from './errors.ts';
import { type Route, routes } from './pooling-types.ts';
import type { WeightLoader } from './weights.ts';

/** Where the keys of a list of layers begin. */
const DENSE = 'gguf_embed.dense';
const ROUTES_KEY = `${DENSE}.routes`;

/** Activations beside those of `elementFunctions`. */
const plainActivations = ['identity', 'tanh', 'relu', 'gelu', 'gelu_erf', 'silu', 'softmax'] as const;
type LayerActivation = (typeof plainActivations)[number] | RareActivation;

/** Kinds of layers. `dense_residual` adds its input, or a projection of it, to its result; `length` scales a row to length 1. */
const kinds = ['dense', 'dense_residual', 'layer_norm', 'length'] as const;
/** Most layers of a file. */
const MAX_LAYERS = 8;
/** That of PyTorch's LayerNorm. */
const LAYER_NORM_EPS = 1e-5;
/** The shortest length that PyTorch's `normalize` divides by, squared. */
const LEAST_SQUARE = 1e-24;

/** A layer over rows. */
export type SentenceLayer =
  | {
      readonly kind: 'dense';
      readonly linear: Linear;
      readonly activation: LayerActivation;
      /** What is added to the result: the input itself, or its product with a matrix. */
      readonly residual?: 'input' | Linear;
    }
  | { readonly kind: 'layer' | 'rms'; readonly norm: NormWeights; readonly eps: number };

/** The layers over pooled vectors. */
export interface SentenceLayers {
  /** Of each side of a search, the default first; empty if both have the same. */
  readonly byRoute: ReadonlyMap<Route, readonly SentenceLayer[]>;
  /** Of a model without routes. */
  readonly plain: readonly SentenceLayer[];
}

/**
 * The layers over pooled vectors of `nPooled` values; none without the keys.
 * @throws ModelError for layers that are not known, and sides that make vectors of different widths
 */
export function declareSentenceLayers(loader: WeightLoader, nPooled: number): SentenceLayers {
  const names = loader.keys.metadata.strings(ROUTES_KEY);
  if (names === undefined) {
    return { byRoute: new Map(), plain: declareLayers(loader, DENSE, 'sentence_dense', nPooled) };
  }
  const fail = (problem: string) => new ModelError(`${ROUTES_KEY} ${problem}`, { key: ROUTES_KEY });
  const byRoute = new Map<Route, readonly SentenceLayer[]>();
  for (let i = 0; i < names.length; i++) {
    const route = routes.find((one) => one === names.at(i));
    if (route === undefined || byRoute.has(route)) {
      throw fail(`has ${printable(names.at(i))}; it must name ${routes.join(' and ')}, each once`);
    }
    byRoute.set(route, declareLayers(loader, `${DENSE}.${route}`, `sentence_dense.${route}`, nPooled));
  }
  if (byRoute.size !== routes.length) throw fail(`must name ${routes.join(' and ')}`);
  const widths = [...byRoute.values()].map((layers) => widthAfter(layers, nPooled));
  if (widths[0] !== widths[1]) {
    throw fail(`leads to vectors of ${widths[0]} and of ${widths[1]} values, which cannot be compared`);
  }
  return { byRoute, plain: [] };
}

/**
 * The layers `<prefix>.N` over rows of `nIn` values, as many as `<keys>.activations` names; none without the key.
 * @throws ModelError for an activation or a kind that is not known
 */
export function declareLayers(loader: WeightLoader, keys: string, prefix: string, nIn: number): SentenceLayer[] {
  const { metadata } = loader.keys;
  const names = metadata.strings(`${keys}.activations`);
  const given = metadata.strings(`${keys}.kinds`);
  const fail = (key: string, problem: string) => new ModelError(`${keys}.${key} ${problem}`, { key: `${keys}.${key}` });
  const n = names?.length ?? 0;
  if (n > MAX_LAYERS) throw fail('activations', `has ${n} layers; at most ${MAX_LAYERS}`);
  if (given !== undefined && given.length !== n) throw fail('kinds', `has ${given.length} layers; there are ${n}`);
  let width = nIn;
  return Array.from({ length: n }, (_, i) => {
    const activation = activationOf(names!.at(i));
    if (activation === undefined) {
      const known = plainActivations.join(', ');
      throw fail(
        'activations',
        `has ${printable(names!.at(i))}; supported are ${known} and those of docs/our-architectures.md`,
      );
    }
    const kind = given === undefined ? 'dense' : kinds.find((one) => one === given.at(i));
    if (kind === undefined) throw fail('kinds', `has ${printable(given!.at(i))}; supported are ${kinds.join(', ')}`);
    const name = `${prefix}.${i}`;
    if (kind === 'layer_norm') return { kind: 'layer', norm: loader.layerNorm(name, width), eps: LAYER_NORM_EPS };
    if (kind === 'length') return { kind: 'rms', norm: loader.norm(name, width), eps: LEAST_SQUARE / width };
    const nOut = loader.dimension(name, 1) ?? 0;
    const linear = loader.linear(name, width, nOut);
    const residual = kind === 'dense_residual' ? declareResidual(loader, `${name}_residual`, width, nOut) : undefined;
    width = nOut;
    return { kind: 'dense', linear, activation, residual };
  });
}

function declareResidual(loader: WeightLoader, name: string, nIn: number, nOut: number): 'input' | Linear {
  return nIn === nOut && !loader.has(name) ? 'input' : loader.linear(name, nIn, nOut, 'none');
}

function activationOf(name: string): LayerActivation | undefined {
  return isRare(name) ? name : plainActivations.find((one) => one === name);
}

/** The width of what `layers` make of rows of `nIn` values. */
export function widthAfter(layers: readonly SentenceLayer[], nIn: number): number {
  const last = layers.findLast((layer) => layer.kind === 'dense');
  return last === undefined ? nIn : (last.linear.weight.shape[1] ?? 1);
}

/** `[rows, nIn]` → `[rows, nOut]`, through all layers. */
export function applyLayers(ops: Ops, rows: Tensor, layers: readonly SentenceLayer[]): Tensor {
  return layers.reduce((x, layer) => applyLayer(ops, x, layer), rows);
}

function applyLayer(ops: Ops, x: Tensor, layer: SentenceLayer): Tensor {
  if (layer.kind !== 'dense') return ops.norm(x, layer.norm, { kind: layer.kind, eps: layer.eps });
  const { linear, activation, residual } = layer;
  const fused = isFused(activation) ? activation : undefined;
  let y = ops.linear(x, linear, { activation: fused });
  if (activation === 'softmax') y = ops.softmax(y);
  else if (isRare(activation)) y = ops.activate(y, activation);
  if (residual === undefined) return y;
  return ops.add(y, residual === 'input' ? x : ops.linear(x, residual));
}

/** Whether products apply an activation themselves. */
function isFused(activation: LayerActivation): activation is Extract<LayerActivation, Activation> {
  return activation !== 'identity' && activation !== 'softmax' && !isRare(activation);
}
