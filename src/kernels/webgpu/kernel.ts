/**
 * @file Defines kernels: WGSL text with a table of parameters, and the memory that every kernel can access.
 *
 * Bind group 0 is the same for all kernels. It is made once; only its dynamic offset changes:
 *
 * | binding | name    | what                                                                     |
 * |---------|---------|--------------------------------------------------------------------------|
 * | 0       | `arena` | all intermediates of the forward (read and write)                        |
 * | 1       | `p`     | this dispatch's parameters, a slice of one uniform buffer                |
 * | 2       | `batch` | ids, positions and work lists of the batch                               |
 * | 3       | `vec`   | biases, norm weights and other small vectors of the model, as float32    |
 *
 * Bind group 1 holds up to three read-only buffers of one weight (or a rotation table).
 */

/** How a parameter is passed: as a number, or as the position of a tensor (`xOff`, `xStride` for `x`, in values). */
export type ParamKind = 'u32' | 'f32' | 'tensor';

/** Name → kind, in the order of the uniform struct. */
export type Params = Readonly<Record<string, ParamKind>>;

/** The element type of the arena in a kernel. */
export type ArenaElement = 'f32' | 'vec4<f32>' | 'u32' | 'vec2<u32>' | 'vec4<u32>';

/** One program. Kernels are compared by identity: make each variant once (see `once`). */
export interface Kernel {
  /** Kernel and variant, for labels and messages, e.g. `matmul Q8_0 64x64`. */
  readonly name: string;
  readonly params: Params;
  /** Buffers in bind group 1. */
  readonly nBindings: 0 | 1 | 2 | 3;
  readonly code: string;
}

/** Bytes of one dispatch's parameters: WebGPU's default alignment of dynamic offsets. */
export const paramBytes = 256;

/** Makes a kernel: prepends the common header to its text. */
export function kernel(options: {
  name: string;
  params: Params;
  arena?: ArenaElement;
  /** WGSL types of the buffers in bind group 1, by variable name. */
  bindings?: Readonly<Record<string, string>>;
  /** `enable` directives. */
  enable?: readonly string[];
  /** Do not unroll the loops that get their end from `bound`: software adapters compile unrolled loops for many seconds. */
  rolled?: boolean;
  code: string;
}): Kernel {
  const { name, params, arena = 'f32', bindings = {}, enable = [], rolled = false, code } = options;
  const names = Object.keys(bindings);
  const header = [
    ...enable.map((feature) => `enable ${feature};`),
    'struct Params {',
    ...fields(params).map(([field, type]) => `  ${field}: ${type},`),
    '}',
    `@group(0) @binding(0) var<storage, read_write> arena: array<${arena}>;`,
    '@group(0) @binding(1) var<uniform> p: Params;',
    '@group(0) @binding(2) var<storage, read> batch: array<i32>;',
    '@group(0) @binding(3) var<storage, read> vec: array<f32>;',
    ...('rows' in params ? [boundCode(rolled)] : []),
    ...names.map((v, i) => `@group(1) @binding(${i}) var<storage, read> ${v}: array<${bindings[v]}>;`),
  ];
  return {
    name: rolled ? `${name} rolled` : name,
    params,
    nBindings: names.length as Kernel['nBindings'],
    code: `${header.join('\n')}\n${code}`,
  };
}

/** WGSL: the end of a loop. If `rolled`, it is hidden from the compiler, which cannot know that a count's top bit is never set. */
function boundCode(rolled: boolean): string {
  return `fn bound(n: u32) -> u32 { return n${rolled ? ' + (p.rows >> 31u)' : ''}; }`;
}

/** The scalar fields of the uniform struct. */
export function fields(params: Params): [name: string, type: 'u32' | 'f32'][] {
  return Object.entries(params).flatMap(([name, kind]): [string, 'u32' | 'f32'][] =>
    kind === 'tensor'
      ? [
          [`${name}Off`, 'u32'],
          [`${name}Stride`, 'u32'],
        ]
      : [[name, kind]],
  );
}

/** Remembers the result of `make` for each key, so that a variant exists once. */
export function once<Args extends readonly (string | number | boolean)[], T>(
  make: (...args: Args) => T,
): (...args: Args) => T {
  const made = new Map<string, T>();
  return (...args) => {
    const key = args.join('|');
    let value = made.get(key);
    if (value === undefined) made.set(key, (value = make(...args)));
    return value;
  };
}

/** WGSL: the number of this workgroup in a grid that was folded into two dimensions (see `grid`). */
export const linearGroup = 'fn linear_group(w: vec3<u32>, n: vec3<u32>) -> u32 { return w.x + w.y * n.x; }';

/**
 * WGSL: groups of 64 threads, one for each value of a result of `p.rows` × `p.cols`.
 * @param body of a thread, which knows its `row` and its column `c`
 * @param helpers functions that the body calls
 */
export function eachValue(body: string, helpers = ''): string {
  return /* wgsl */ `
${linearGroup}
${helpers}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let i = linear_group(wg, nwg) * 64u + t;
  let row = i / p.cols;
  let c = i % p.cols;
  if (row >= p.rows) { return; }
${body}
}`;
}

/** A grid of `n` workgroups, folded if it is longer than one dimension allows; kernels skip the excess. */
export function grid(n: number): [x: number, y: number, z: number] {
  const most = 65535;
  if (n <= most) return [n, 1, 1];
  const y = Math.ceil(n / most);
  return [Math.ceil(n / y), y, 1];
}
