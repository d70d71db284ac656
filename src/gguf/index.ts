/**
 * @file GGUF files: bytes to header, metadata and tensors, and back. Files on disk are in `file.node.ts`.
 */

export {
  describeGguf,
  type GgufDescription,
  type KeyDescription,
  type PlainValue,
  type TensorDescription,
} from './describe.ts';
export { GgufError, type GgufErrorPlace } from './errors.ts';
export { escapeControls, escapeControlsInLines } from './escape.ts';
export {
  describeFileType,
  type FileType,
  type FileTypeName,
  fileTypeById,
  fileTypes,
  QUANTIZATION_VERSION,
} from './file-types.ts';
export { type GgmlType, type GgmlTypeName, ggmlTypeById, ggmlTypes, rowBytes } from './ggml-types.ts';
export { Metadata, type TypedValue } from './metadata.ts';
export { type GgufFile, openGguf, readMetadata } from './open.ts';
export { describeFormat, describeSource } from './other-formats.ts';
export type { TensorInfo } from './read-tensors.ts';
export { nElements } from './shape.ts';
export { type ByteSink, memorySink } from './sink.ts';
export type { ByteSource } from './source.ts';
export { blobSource, memorySource } from './sources.ts';
export type { OpenSibling } from './split.ts';
export type { PackedTexts, StringArray } from './string-array.ts';
export type { GgufArray, GgufValue, NumericArray, ScalarType, ValueType } from './value-types.ts';
export { wholeSource } from './whole-source.ts';
export { type ArrayToWrite, GgufWriter, type GgufWriterOptions, type ValueToWrite } from './writer.ts';
