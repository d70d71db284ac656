/**
 * @file What a file may ask of us. Every count and length in a GGUF is a number somebody else chose; each is held against
 * one of these limits and against the bytes that are left in the file before anything is allocated for it.
 *
 * They lie far above every published model, and low enough that a file within all of them costs no more memory than its
 * own size and is read in well under a second.
 */

/**
 * Header (metadata and tensor directory) in bytes. It is kept in memory, and positions in it are 32 bit. The largest
 * known vocabularies need 30 MB.
 */
export const MAX_HEADER_BYTES = 2 ** 30;

/** Bytes of the first read of a header; each further read doubles what is there. Enough for all but the vocabulary. */
export const FIRST_READ_BYTES = 64 * 1024;

/** Metadata keys. Each costs some hundred bytes of memory for at least 13 in the file; real files have below 100. */
export const MAX_KEYS = 2 ** 16;

/** Bytes of a key, as the format's description has it. */
export const MAX_KEY_BYTES = 2 ** 16 - 1;

/** Bytes of a string: the limit of llama.cpp. A string is decoded only when asked for. */
export const MAX_STRING_BYTES = 2 ** 30;

/** Strings of an array. Each costs 4 bytes beside the header itself and one step of the walk; real files have 500 000. */
export const MAX_ARRAY_STRINGS = 2 ** 24;

/** Elements of an array of numbers: the limit of llama.cpp. They are copied only when asked for. */
export const MAX_ARRAY_NUMBERS = 2 ** 30;

/** How deep arrays may lie in arrays. llama.cpp reads none, the format sets no limit, and no published file nests at all. */
export const MAX_ARRAY_DEPTH = 8;

/** Arrays inside arrays, counted over the whole file. Each costs some hundred bytes of memory for at least 12 in the file. */
export const MAX_NESTED_ARRAYS = 2 ** 14;

/** Tensors. Each costs some hundred bytes of memory for at least 24 in the file; the largest models have some thousand. */
export const MAX_TENSORS = 2 ** 16;

/** Bytes of a tensor's name: ggml keeps it in a field of 64 bytes with a closing zero. */
export const MAX_TENSOR_NAME_BYTES = 63;

/** Dimensions of a tensor, as ggml has them. */
export const MAX_DIMENSIONS = 4;

/** Parts of a split model: the number has five digits in the file names, and each part is a file that is held open. */
export const MAX_SPLITS = 1024;

/**
 * Bytes out of one byte of a gzip file. Weights shrink by less than 2 and vocabularies by less than 10; deflate itself
 * reaches 1032, which is what a bomb uses.
 */
export const MAX_GZIP_RATIO = 64;

/** Bytes that a gzip file may always unpack to: below this the ratio says nothing (a tiny file is mostly padding). */
export const MIN_GZIP_LIMIT = 1024 * 1024;

/** Bytes that a gzip file may unpack to, whatever its size: all of it is kept in memory. */
export const MAX_GZIP_BYTES = 2 ** 32;

/** Multiple at which tensors begin in files that say nothing, after the format's description. */
export const DEFAULT_ALIGNMENT = 32;
