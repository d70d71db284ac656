/**
 * @file GGUF files: bytes to header, metadata and tensors, and back. Files on disk are in `file.node.ts`.
 */

export {
  describeGguf,
  type GgufDescription,
  type KeyDescription,
} from './describe.ts';
export { GgufError } from './errors.ts';
export { escapeControls, escapeControlsInLines } from './escape.ts';
export {
  type FileType,
  type FileTypeName,
  fileTypes,
  QUANTIZATION_VERSION,
} from './file-types.ts';
export { type GgmlType, type GgmlTypeName, ggmlTypes, rowBytes } from './ggml-types.ts';
export { Metadata, type TypedValue } from './metadata.ts';
export type { MetadataValue } from './metadata-values.ts';
export { fileOf, type GgufFile, openGguf, readMetadata } from './open.ts';
export { describeFormat, describeSource, HEAD_BYTES } from './other-formats.ts';
export { changeMetadata } from './override.ts';
export type { TensorInfo } from './read-tensors.ts';
export { nElements } from './shape.ts';
export { type ByteSink, memorySink } from './sink.ts';
export { type GgufSnapshot, openSnapshot, takeSnapshot } from './snapshot.ts';
export { type ByteSource, closeUnused } from './source.ts';
export { blobSource, memorySource } from './sources.ts';

export type { PackedTexts, StringArray } from './string-array.ts';
export type { GgufArray, GgufValue, NumericArray, ScalarType, ValueType } from './value-types.ts';
export { wholeSource } from './whole-source.ts';
export { type ArrayToWrite, GgufWriter, type GgufWriterOptions, type ValueToWrite } from './writer.ts';
