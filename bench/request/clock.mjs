/** Milliseconds of a clock that all threads and processes share. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;
