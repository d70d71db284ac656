/**
 * @file How runs of digits are split.
 */
import { utf8Length } from '../utf8.ts';
import { classAt, type Match, NUMBER, runEnd, type Splitter, scanner } from './scanner.ts';

/** At most `most` digits or other numbers: `\p{N}{1,most}`. */
export function numbers(most: number): Match {
  return (bytes, pos, end) => {
    for (let n = 0; n < most && pos < end && classAt(bytes, pos) & NUMBER; n++) pos += utf8Length(bytes[pos]);
    return pos;
  };
}

/** `[0-9][0-9][0-9]` */
export const threeDigits: Splitter = scanner((bytes, pos, end) =>
  pos + 2 < end && isDigit(bytes[pos]) && isDigit(bytes[pos + 1]) && isDigit(bytes[pos + 2]) ? pos + 3 : pos,
);

/**
 * Splits the numbers of a run into groups of three, counted from the right. Text before a run stays with its first group,
 * as in llama.cpp.
 */
export const groupsOfThree: Splitter = (bytes, start, end, emit) => {
  let done = start;
  for (let pos = start; pos < end; ) {
    const to = runEnd(bytes, pos, end, NUMBER);
    if (to === pos) {
      pos += utf8Length(bytes[pos]);
      continue;
    }
    let count = 0;
    for (let i = pos; i < to; i += utf8Length(bytes[i])) count++;
    for (let size = count % 3 || 3; pos < to; size = 3) {
      for (let i = 0; i < size; i++) pos += utf8Length(bytes[pos]);
      emit(done, pos);
      done = pos;
    }
  }
  if (done < end) emit(done, end);
};

/** Splits before every group of three ASCII digits, counted from the right: `(?=(\d{3})+(?!\d))`. */
export const beforeGroupsOfThree: Splitter = (bytes, start, end, emit) => {
  let done = start;
  for (let pos = start; pos < end; pos++) {
    if (!isDigit(bytes[pos])) continue;
    let to = pos;
    while (to < end && isDigit(bytes[to])) to++;
    for (let cut = to - Math.floor((to - pos) / 3) * 3; cut < to; cut += 3) {
      if (done < cut) emit(done, cut);
      done = cut;
    }
    pos = to - 1;
  }
  if (done < end) emit(done, end);
};

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
