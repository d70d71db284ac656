/**
 * @file The option table. Parsing, help, completion, environment names, the man page and docs/cli.md are derived from it.
 */
import { auditOptions } from './audit-options.ts';
import { bulkOptions } from './bulk-options.ts';
import { fileOptions } from './file-options.ts';
import { generalOptions } from './general-options.ts';
import { hubOptions } from './hub-options.ts';
import { imageOptions } from './image-options.ts';
import { inputOptions } from './input-options.ts';
import { listenOptions } from './listen-options.ts';
import { metadataOptions } from './metadata-options.ts';
import { modelOptions } from './model-options.ts';
import type { OptionSpec, ValueOf } from './option-types.ts';
import { routerOptions } from './router-options.ts';
import { serverOptions } from './server-options.ts';
import { vectorOptions } from './vector-options.ts';

/** The rows by topic, with their exact types, for `OptionValues`. */
const topics = {
  'Model and computation': modelOptions,
  'Models by name or URL': hubOptions,
  Metadata: metadataOptions,
  Images: imageOptions,
  Vectors: vectorOptions,
  'Input and output': inputOptions,
  'Files of records': bulkOptions,
  'Traces and measurements': auditOptions,
  Server: [...listenOptions, ...serverOptions],
  'Several models': routerOptions,
  'GGUF files': fileOptions,
  General: generalOptions,
} as const;
type Row = (typeof topics)[keyof typeof topics][number];

/** The options by topic, in the order of the help. */
export const optionTopics: readonly (readonly [topic: string, options: readonly OptionSpec[]])[] =
  Object.entries(topics);

/** All options, in the order of the help. */
export const optionTable: readonly OptionSpec[] = optionTopics.flatMap(([, options]) => options);

/** The parsed values: every option has one, or `undefined` if it has no default. */
export type OptionValues = { readonly [O in Row as O['name']]: ValueOf<O> };
