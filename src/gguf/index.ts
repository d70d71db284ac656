/**
 * @file The public face of the GGUF room.
 */
export { GgufError } from './errors.ts';
export { type GgmlType, type GgmlTypeName, ggmlTypeById, ggmlTypes, rowBytes } from './ggml-types.ts';
export { blobSource, memorySource } from './memory-source.ts';
export { Metadata, type MetadataEntry } from './metadata.ts';
export { type GgufFile, openGguf, type TensorInfo } from './reader.ts';
export type { ByteSource } from './source.ts';
export { StringArray } from './strings.ts';
export { type GgufArray, type GgufValue, type GgufValueType, type NumberArray, valueTypes } from './values.ts';
