/**
 * @file Opens a recorded trace in any of the formats.
 */
import { recordOfArrays } from './arrays.ts';
import { isEvalCallback, readEvalCallback } from './eval-callback.ts';
import { readJson } from './json.ts';
import { readNpz } from './npz.ts';
import { RecordError, type RecordedTrace } from './recorded.ts';
import { readSafetensors } from './safetensors.ts';

/**
 * The trace in a file: `.npz`, safetensors, JSON of this program, or the output of `llama-eval-callback`. The first bytes decide which.
 * @throws RecordError for another format or a damaged file
 */
export function readRecord(bytes: Uint8Array): RecordedTrace {
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return recordOfArrays(readNpz(bytes));
  // The length of a header below 16 MB, then its brace.
  if (bytes[8] === 0x7b && bytes[7] === 0 && bytes[6] === 0) return recordOfArrays(readSafetensors(bytes));
  const text = new TextDecoder().decode(bytes);
  if (/^\s*\{/.test(text)) return readJson(text);
  if (isEvalCallback(text)) return readEvalCallback(text);
  throw new RecordError(
    'it is not a trace: .npz, safetensors or JSON of gguf-embed trace, or the output of llama-eval-callback',
  );
}
