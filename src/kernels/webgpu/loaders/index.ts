/**
 * @file All tile loaders, by weight type.
 */
import type { GgmlTypeName } from '../../../gguf/ggml-types.ts';
import { iqLoaders } from './iq.wgsl.ts';
import { kQuantLoaders } from './k-quants.wgsl.ts';
import type { Loader } from './loader.ts';
import { plainLoaders } from './plain.wgsl.ts';
import { smallBlockLoaders } from './small-blocks.wgsl.ts';

export { type Int8Form, type Loader, loaderBindings, loaderHelpers } from './loader.ts';

/** The loader of each type that holds weights. */
export const loaders: ReadonlyMap<GgmlTypeName, Loader> = new Map(
  [...plainLoaders, ...smallBlockLoaders, ...kQuantLoaders, ...iqLoaders].map((loader) => [loader.type, loader]),
);
