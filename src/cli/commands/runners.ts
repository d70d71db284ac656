/**
 * @file The code of the commands, loaded on demand, so that `tokenize` does not wait for the server. That of `embed` is small, and starts most
 * often.
 */
import type { CommandName } from '../options/option-types.ts';
import type { Parsed } from '../options/parse-options.ts';
import { embed } from './embed.ts';

/** Runs a command; throws its error. */
export const runners: Readonly<Record<CommandName, (parsed: Parsed) => Promise<void>>> = {
  serve: async (parsed) => (await import('../serve/serve.ts')).serve(parsed),
  embed,
  rerank: async (parsed) => (await import('./rerank.ts')).rerank(parsed),
  tokenize: async (parsed) => (await import('./tokenize.ts')).tokenize(parsed),
  trace: async (parsed) => (await import('./trace.ts')).trace(parsed),
  eval: async (parsed) => (await import('./eval.ts')).evaluate(parsed),
  parity: async (parsed) => (await import('./parity.ts')).parity(parsed),
  fingerprint: async (parsed) => (await import('./fingerprint.ts')).fingerprint(parsed),
  inspect: async (parsed) => (await import('./inspect.ts')).inspect(parsed),
  diff: async (parsed) => (await import('./diff.ts')).diff(parsed),
  pull: async (parsed) => (await import('./pull.ts')).pull(parsed),
  models: async (parsed) => (await import('./models.ts')).models(parsed),
  convert: async (parsed) => (await import('./convert.ts')).convert(parsed),
  quantize: async (parsed) => (await import('./quantize.ts')).quantize(parsed),
  edit: async (parsed) => (await import('./edit.ts')).edit(parsed),
  page: async (parsed) => (await import('./page.ts')).page(parsed),
  completion: async (parsed) => (await import('../completion/command.ts')).completion(parsed),
};
