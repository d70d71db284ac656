/**
 * @file From how many tokens on a batch is divided among workers, and when by columns. The numbers follow from what a barrier, a row and the
 * weights cost on this machine (`costs.ts`); they never change a bit of a result.
 */
import { thresholdsAddress } from './memory.ts';

/** When and how a batch is divided. */
export interface Thresholds {
  /** The fewest tokens for which another worker is woken. */
  readonly tokensPerWorker: number;
  /** Products are divided by columns up to this many tokens a rank. */
  readonly mostByColumns: number;
}

/** What one machine needs, in microseconds, while all workers of the team compute. */
export interface MachineCosts {
  /** One barrier of the whole team. */
  readonly barrier: number;
  /** Until all workers that sleep have been woken. */
  readonly wake: number;
  /** To read one weight and to multiply it with `fewRows` rows. */
  readonly fewProducts: number;
  /** To multiply one weight with one row. */
  readonly product: number;
}

/** The products of one forward. */
export interface ModelSize {
  readonly nWeights: number;
  readonly nMatrices: number;
  /** Weights of the rank that has most of them, as a multiple of an even part. */
  readonly unevenness: number;
}

/** The rows of a tile: fewer take as long. */
const tileRows = 4;
/** Rows whose products do not hide how long it takes to read the weight. */
export const fewRows = tileRows;
const mostTokensPerWorker = 64;
const mostRows = 256;
/** Divided by columns, a layer of 6 or 7 matrices has 8 barriers. */
const barriersPerMatrix = 4 / 3;
/** Microseconds to read a byte that another core has written: 20 GB/s. */
const perForeignByte = 50e-6;
/** A worker also has to receive a message. */
const wakesPerMessage = 2;

/** Until costs are known: those of two cores with MiniLM. */
export const defaultThresholds: Thresholds = {
  tokensPerWorker: tileRows,
  mostByColumns: 48,
};

/**
 * The thresholds for a team of `nThreads`. Divided by rows, every rank reads all weights. Divided by columns, it reads its part of them, but
 * waits at barriers, reads activations that other ranks have written, and may have more columns than an even part.
 */
export function thresholdsFor(
  { barrier, wake, fewProducts, product }: MachineCosts,
  { nWeights, nMatrices, unevenness }: ModelSize,
  nThreads: number,
): Thresholds {
  const row = nWeights * product;
  // The clock of some browsers is too coarse to measure with.
  if (row <= 0) return defaultThresholds;
  const weight = Math.max(0, fewProducts - fewRows * product);
  const notRead = nWeights * weight * (1 - 1 / nThreads);
  const activationBytes = nMatrices * Math.sqrt(nWeights / nMatrices) * 4;
  const lost = activationBytes * perForeignByte + row * (unevenness - 1);
  const mostByColumns = Math.floor((notRead - barriersPerMatrix * nMatrices * barrier) / lost);
  const tokensPerWorker = Math.ceil((wakesPerMessage * wake) / row / tileRows) * tileRows;
  return {
    tokensPerWorker: clamp(tokensPerWorker, tileRows, mostTokensPerWorker),
    mostByColumns: clamp(mostByColumns, 0, mostRows),
  };
}

/** The least of each cost: what other work on the machine adds is no cost of the machine. */
export function leastCosts(measured: readonly MachineCosts[]): MachineCosts {
  const least = (cost: keyof MachineCosts) => Math.min(...measured.map((costs) => costs[cost]));
  return {
    barrier: least('barrier'),
    wake: least('wake'),
    fewProducts: least('fewProducts'),
    product: least('product'),
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}

/** Sets the thresholds of all ranks that share `memory`. No forward may be under way. */
export function writeThresholds(memory: WebAssembly.Memory, thresholds: Thresholds): void {
  const { tokensPerWorker, mostByColumns } = thresholds;
  wordsOf(memory).set([tokensPerWorker, mostByColumns]);
}

/** The thresholds that were written, else the default ones. */
export function readThresholds(memory: WebAssembly.Memory): Thresholds {
  const [tokensPerWorker, mostByColumns] = wordsOf(memory);
  return tokensPerWorker === 0 ? defaultThresholds : { tokensPerWorker, mostByColumns };
}

function wordsOf({ buffer }: WebAssembly.Memory): Int32Array {
  return new Int32Array(buffer, thresholdsAddress, 2);
}
