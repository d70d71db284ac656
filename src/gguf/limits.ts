/**
 * @file What a file may ask for. Every count and length in a header is hostile until it has passed one of these, or has
 * been compared with the bytes that the file really has.
 */

/** Longest string, as in llama.cpp: 1 GiB. Strings are also checked against the bytes that are left. */
export const maxStringBytes = 2 ** 30;

/** Most elements of an array, as in llama.cpp. Arrays are also checked against the bytes that are left. */
export const maxArrayLength = 2 ** 30;

/** Arrays of arrays: llama.cpp refuses them all; this is far deeper than any writer goes, and keeps recursion short. */
export const maxArrayDepth = 8;

/** Longest tensor name in bytes: ggml's names are 64 bytes with their end. */
export const maxTensorNameBytes = 63;

/** Axes of a tensor in ggml. */
export const maxDimensions = 4;

/**
 * Largest header. The token lists of the largest vocabularies take about 20 MB; a header of more than this is a mistake
 * or an attack on memory.
 */
export const maxHeaderBytes = 2 ** 30;

/** Bytes of the header read at first: the whole header of a model without a large vocabulary. */
export const firstReadBytes = 64 * 1024;

/** Fewest bytes that a key-value pair can take: key length, one byte of key, type, one byte of value. */
export const minPairBytes = 8 + 1 + 4 + 1;

/** Fewest bytes that a tensor's entry can take: name length, axis count, type, offset. */
export const minTensorBytes = 8 + 4 + 4 + 8;
