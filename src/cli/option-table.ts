/**
 * @file The option table. Parsing, help, environment names and docs/cli.md are derived from it.
 */
import type { OptionSpec, ValueOf } from './option-types.ts';
import { auditOptions } from './options/audit-options.ts';
import { bulkOptions } from './options/bulk-options.ts';
import { fileOptions } from './options/file-options.ts';
import { generalOptions } from './options/general-options.ts';
import { hubOptions } from './options/hub-options.ts';
import { imageOptions } from './options/image-options.ts';
import { inputOptions } from './options/input-options.ts';
import { metadataOptions } from './options/metadata-options.ts';
import { modelOptions } from './options/model-options.ts';
import { routerOptions } from './options/router-options.ts';
import { serverOptions } from './options/server-options.ts';
import { vectorOptions } from './options/vector-options.ts';

/** The rows with their exact types, for `OptionValues`. */
const rows = [
  ...modelOptions,
  ...hubOptions,
  ...metadataOptions,
  ...imageOptions,
  ...vectorOptions,
  ...inputOptions,
  ...bulkOptions,
  ...auditOptions,
  ...serverOptions,
  ...routerOptions,
  ...fileOptions,
  ...generalOptions,
] as const;

/** All options, in the order of the help. */
export const optionTable: readonly OptionSpec[] = rows;

/** The parsed values: every option has one, or `undefined` if it has no default. */
export type OptionValues = { readonly [O in (typeof rows)[number] as O['name']]: ValueOf<O> };
