/**
 * @file The files of LoRA adapters that the options name, and their scales.
 */
import type { OptionValues } from '../options/option-table.ts';
import { UsageError } from '../usage-error.ts';

/** An adapter to load. */
export interface LoraSource {
  readonly source: string;
  readonly scale: number;
}

/** Those of `--lora`, then those of `--lora-scaled`. @throws UsageError for an adapter whose scale is missing or no number */
export function loraSources({ lora = [], loraScaled = [], loraInitWithoutApply }: OptionValues): LoraSource[] {
  const scaled = loraScaled.map((text) => {
    const [, source, scale] = /^(.+):([^:]+)$/s.exec(text) ?? [];
    if (source !== undefined && scale.trim() !== '' && Number.isFinite(Number(scale)))
      return { source, scale: Number(scale) };
    throw new UsageError(`--lora-scaled takes FILE:SCALE, such as adapter.gguf:0.5, not "${text}"`);
  });
  const all = [...lora.map((source) => ({ source, scale: 1 })), ...scaled];
  return all.map(({ source, scale }) => ({ source, scale: loraInitWithoutApply ? 0 : scale }));
}
