/**
 * @file Limits for untrusted files. Before anything is allocated for a count or length in a GGUF, it is checked against one
 * of these limits and against the bytes that are left in the file.
 *
 * The limits are far above every published model. They are also low enough that a file within all of them takes no more
 * memory than its own size and is read in well under a second.
 */

/**
 * Bytes of the header (metadata and tensor directory). It is kept in memory, and positions in it are 32-bit. The
 * largest known vocabularies need 30 MB.
 */
export const MAX_HEADER_BYTES = 2 ** 30;

/** Bytes of the first read of a header, which is enough for everything except the vocabulary. */
export const FIRST_READ_BYTES = 64 * 1024;

/** Up to this size, each further read of a header makes the buffer four times as large; from there on, twice. */
export const FAST_GROWTH_BYTES = 2 ** 20;

/** Metadata keys. Each takes a few hundred bytes of memory for at least 13 in the file; real files have fewer than 100. */
export const MAX_KEYS = 2 ** 16;

/** Bytes of a key, from the specification of the format. */
export const MAX_KEY_BYTES = 2 ** 16 - 1;

/** Bytes of a string: the limit of llama.cpp. A string is decoded only when it is used. */
export const MAX_STRING_BYTES = 2 ** 30;

/** Strings in an array. Each takes 4 bytes besides the header itself and one step of the walk; real files have 500 000. */
export const MAX_ARRAY_STRINGS = 2 ** 24;

/** Elements of an array of numbers: the limit of llama.cpp. They are copied only when they are used. */
export const MAX_ARRAY_NUMBERS = 2 ** 30;

/** Depth of nested arrays. llama.cpp reads none, the format sets no limit, and no published file has any. */
export const MAX_ARRAY_DEPTH = 8;

/** Nested arrays in the whole file. Each takes a few hundred bytes of memory for at least 12 in the file. */
export const MAX_NESTED_ARRAYS = 2 ** 14;

/** Tensors. Each takes a few hundred bytes of memory for at least 24 in the file; the largest models have a few thousand. */
export const MAX_TENSORS = 2 ** 16;

/** Bytes of a tensor's name: ggml stores it in 64 bytes, with a terminating zero. */
export const MAX_TENSOR_NAME_BYTES = 63;

/** Dimensions of a tensor: the limit of ggml. */
export const MAX_DIMENSIONS = 4;

/** Parts of a split model: file names have five digits for the number, and each part is an open file. */
export const MAX_SPLITS = 1024;

/**
 * Unpacked bytes for one byte of a gzip file. Weights shrink by less than 2 and vocabularies by less than 10. Deflate
 * itself reaches 1032, which a zip bomb uses.
 */
export const MAX_GZIP_RATIO = 64;

/** Bytes that a gzip file may always unpack to: below this the ratio means nothing (a tiny file is mostly padding). */
export const MIN_GZIP_LIMIT = 1024 * 1024;

/** Bytes that a gzip file may unpack to, whatever its size: all of it is kept in memory. */
export const MAX_GZIP_BYTES = 2 ** 32;

/** Alignment of tensors in files without `general.alignment`, from the specification of the format. */
export const DEFAULT_ALIGNMENT = 32;

/** Largest alignment: a header is padded in memory. Files have 32, and pages of memory at most 64 KiB. */
export const MAX_ALIGNMENT = 2 ** 20;
