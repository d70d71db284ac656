/**
 * @file The public options of the webgpu backend.
 */

/** Stores the results of the search for the fastest GPU kernels between loads: texts by key. */
export interface TuningCache {
  /** The last text written under `key`; `undefined` if there is none. */
  read(key: string): Promise<string | undefined>;
  write(key: string, text: string): Promise<void>;
}

/** How the webgpu backend can hold quantised matrices. */
export const gpuWeightForms = ['auto', 'quantised', 'f16'] as const;

/** Options of the webgpu backend. */
export interface GpuOptions {
  /** Most bytes of GPU memory to use. Default: as much as the adapter offers. */
  readonly memory?: number | undefined;
  /**
   * `f16` expands quantised matrices when they are loaded: faster on some GPUs, two bytes for each weight. `auto`, the default, does so with
   * precision `fast` where products round weights to f16 anyway and there is room.
   */
  readonly weights?: (typeof gpuWeightForms)[number] | undefined;
  /** Search for the fastest kernels at first use. Default true; never on software adapters. */
  readonly autotune?: boolean | undefined;
  /** Where to store the results. Default: a file in the user's cache folder; nowhere in browsers. `false`: nowhere. */
  readonly tuningCache?: TuningCache | false | undefined;
  /** Run and check each kernel separately, so that an error names the operation. Slow. */
  readonly debug?: boolean | undefined;
}
