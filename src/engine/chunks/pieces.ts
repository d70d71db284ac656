/**
 * @file Cuts a text into pieces that a chunk is made of: headings, sentences, items of lists, rows of tables, lines of code. The pieces
 * follow each other without gaps; each has the white space after it.
 */

/** A piece of a text: `[start, end)` in UTF-16 units. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  /** A Markdown heading, which belongs to what follows it. */
  readonly isHeading: boolean;
}

const fence = /^ {0,3}(?:`{3,}|~{3,})/;
const heading = /^ {0,3}#{1,6}(?:\s|$)/;
/** An item of a list, a row of a table, a quotation. */
const item = /^\s*(?:[-*+]\s|\d{1,9}[.)]\s|\||>)/;

const segmenters: { [granularity in 'sentence' | 'word']?: Intl.Segmenter } = {};

/** Made on first use: ICU takes 10 ms to load its rules. */
function segmenter(granularity: 'sentence' | 'word'): Intl.Segmenter {
  // The root locale: boundaries must not depend on the machine's language.
  return (segmenters[granularity] ??= new Intl.Segmenter('und', { granularity }));
}

/** UTF-16 units that a segmenter gets at once. In Node 20, each segment takes time in proportion to the whole. */
const WINDOW = 4096;
/** Segments that end in the last units of a window may be longer than they seem there. */
const LOOKAHEAD = 512;

/** The sentences or words of a text, which follow each other without gaps. */
function* segmentsOf(text: string, granularity: 'sentence' | 'word'): Generator<{ start: number; end: number }> {
  let size = WINDOW;
  for (let start = 0; start < text.length; ) {
    const window = text.slice(start, start + size);
    const complete = start + size < text.length ? size - LOOKAHEAD : size;
    let length = 0;
    for (const { index, segment } of segmenter(granularity).segment(window)) {
      const end = index + segment.length;
      if (end > complete) break;
      yield { start: start + index, end: start + end };
      length = end;
    }
    // A segment that is longer than its window needs a larger one.
    size = length > 0 ? WINDOW : 2 * size;
    start += length;
  }
}

/** The pieces of a text; plain texts are Markdown without marks. */
export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = [];
  let isCode = false;
  /** Where the paragraph began that the next line may go on. */
  let paragraph: number | undefined;
  const endParagraph = (end: number) => {
    if (paragraph !== undefined) addSentences(text, paragraph, end, pieces);
    paragraph = undefined;
  };
  for (let start = 0; start < text.length; ) {
    const at = text.indexOf('\n', start);
    const end = at < 0 ? text.length : at + 1;
    const line = text.slice(start, end);
    const isFence = fence.test(line);
    if (isFence || isCode) {
      endParagraph(start);
      pieces.push({ start, end, isHeading: false });
      if (isFence) isCode = !isCode;
    } else if (line.trim() === '') {
      endParagraph(start);
      addSpace(start, end, pieces);
    } else if (heading.test(line)) {
      endParagraph(start);
      pieces.push({ start, end, isHeading: true });
    } else {
      if (item.test(line)) endParagraph(start);
      paragraph ??= start;
    }
    start = end;
  }
  endParagraph(text.length);
  return pieces;
}

/** A piece as its words, each with the space before it. */
export function wordsOf(text: string, { start, end }: Piece): Piece[] {
  const pieces: Piece[] = [];
  let from = start;
  for (const word of segmentsOf(text.slice(start, end), 'word')) {
    const to = start + word.end;
    if (text.slice(start + word.start, to).trim() === '') continue;
    pieces.push({ start: from, end: to, isHeading: false });
    from = to;
  }
  if (from < end) addSpace(from, end, pieces);
  return pieces;
}

/** A piece as its characters (code points). */
export function charactersOf(text: string, { start, end }: Piece): Piece[] {
  const pieces: Piece[] = [];
  for (let at = start; at < end; ) {
    const next = at + (text.codePointAt(at)! > 0xffff ? 2 : 1);
    pieces.push({ start: at, end: next, isHeading: false });
    at = next;
  }
  return pieces;
}

function addSentences(text: string, start: number, end: number, pieces: Piece[]): void {
  // A line break within a paragraph ends no sentence, but it would for the segmenter.
  const paragraph = text.slice(start, end).replaceAll(/[\r\n]/g, ' ');
  for (const sentence of segmentsOf(paragraph, 'sentence')) {
    pieces.push({ start: start + sentence.start, end: start + sentence.end, isHeading: false });
  }
}

/** White space belongs to the piece before it. */
function addSpace(start: number, end: number, pieces: Piece[]): void {
  const last = pieces.at(-1);
  if (last === undefined) pieces.push({ start, end, isHeading: false });
  else pieces[pieces.length - 1] = { ...last, end };
}
