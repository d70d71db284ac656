/**
 * @file Subgroup matrices: the shapes that an adapter offers, and the one that kernels use.
 */
import { stepK, type Tile, tileThreads } from './matmul-tile.wgsl.ts';

/** Extents of the adapter's matrices (x is M × K, W is K × N), and the threads of a subgroup. */
export interface MatrixShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly subgroup: number;
}

/** A shape as Dawn lists it in `GPUAdapterInfo.subgroupMatrixConfigs`. */
interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** The smallest part of a subgroup (`tm`, `tn`), a multiple of every M and N in use. */
const unit = 16;
/**
 * The largest shape with f16 operands and float32 results that divides the tiles here. `undefined` if there is none, or if the subgroup
 * size is not fixed, because the number of subgroups in a workgroup would then vary.
 */
export function matrixShape(info: GPUAdapterInfo, features: GPUSupportedFeatures): MatrixShape | undefined {
  const needed = ['chromium-experimental-subgroup-matrix', 'subgroups', 'shader-f16'];
  const { subgroupMinSize, subgroupMaxSize: subgroup } = info;
  if (!needed.every((feature) => features.has(feature)) || subgroup === undefined) return undefined;
  if (subgroup !== subgroupMinSize) return undefined;
  const { subgroupMatrixConfigs = [] } = info as { subgroupMatrixConfigs?: Iterable<MatrixConfig> };
  const fitting = Array.from(subgroupMatrixConfigs).filter(
    ({ componentType, resultComponentType, M, N, K }) =>
      componentType === 'f16' &&
      resultComponentType === 'f32' &&
      unit % M === 0 &&
      unit % N === 0 &&
      stepK % K === 0 &&
      K % 4 === 0,
  );
  const [best] = fitting.sort((a, b) => b.M * b.N * b.K - a.M * a.N * a.K);
  return best === undefined ? undefined : { m: best.M, n: best.N, k: best.K, subgroup };
}

/** Threads of a workgroup: `tm` × `tn` is the part of a subgroup. */
export function matrixThreads(tile: Tile, { subgroup }: MatrixShape): number {
  return tileThreads(tile) * subgroup;
}
