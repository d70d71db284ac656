/**
 * @file The segments of a JPEG file: frame, tables, and information about colours and orientation.
 */
import { ByteReader } from '../byte-reader.ts';
import { damaged, unsupported } from '../errors.ts';
import { exifOrientation } from '../exif.ts';
import { hasText } from '../pixels.ts';
import { type HuffmanTable, makeHuffmanTable } from './huffman.ts';

/** One colour component of the frame. */
export interface Component {
  readonly id: number;
  /** Samples a unit, across and down, relative to the other components. */
  readonly h: number;
  readonly v: number;
  readonly quantTable: number;
  /** Samples that the picture needs. */
  readonly width: number;
  readonly height: number;
  /** Blocks that are stored, in whole units. */
  readonly blocksPerRow: number;
  readonly blockRows: number;
}

export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly progressive: boolean;
  readonly components: readonly Component[];
  readonly hMax: number;
  readonly vMax: number;
  /** Units (blocks of all components that belong together) across and down. */
  readonly unitsPerRow: number;
  readonly unitRows: number;
}

/** The values that the segments before a scan have set. */
export interface Tables {
  /** 64 factors in zigzag order. */
  readonly quant: (Uint16Array | undefined)[];
  readonly dc: (HuffmanTable | undefined)[];
  readonly ac: (HuffmanTable | undefined)[];
  /** Units between two restart markers; 0 for none. */
  restartInterval: number;
  hasJfif: boolean;
  /** How colours are stored, from an Adobe segment; -1 without one. */
  adobeTransform: number;
}

export function noTables(): Tables {
  return { quant: [], dc: [], ac: [], restartInterval: 0, hasJfif: false, adobeTransform: -1 };
}

export const marker = { SOS: 0xda, EOI: 0xd9, none: 0 } as const;

export function isRestart(code: number): boolean {
  return code >= 0xd0 && code <= 0xd7;
}

export function isFrame(code: number): boolean {
  return code >= 0xc0 && code <= 0xcf && code !== 0xc4 && code !== 0xc8 && code !== 0xcc;
}

/** The next marker. Bytes before it are skipped, as other readers of damaged files do. `none` at the end of the file. */
export function nextMarker(reader: ByteReader): number {
  const { bytes } = reader;
  while (reader.at + 1 < bytes.length) {
    if (bytes[reader.at++] !== 0xff) continue;
    while (bytes[reader.at] === 0xff) reader.at++;
    const code = bytes[reader.at];
    if (code === undefined || code === 0) continue;
    reader.at++;
    return code;
  }
  reader.at = bytes.length;
  return marker.none;
}

/** The content of a segment. */
export function readSegment(reader: ByteReader): ByteReader {
  const length = reader.u16be();
  if (length < 2) throw damaged('a segment of the JPEG file has an impossible length');
  return new ByteReader(reader.take(length - 2));
}

/** @param code the marker of the frame: what kind of JPEG it is */
export function readFrame(code: number, segment: ByteReader): Frame {
  const kinds = 'only baseline and progressive JPEG with 8 bits are supported';
  if (code > 0xc2) throw unsupported(`this JPEG is lossless, hierarchical or arithmetically coded; ${kinds}`);
  const bits = segment.u8();
  if (bits !== 8) throw unsupported(`this JPEG has ${bits} bits a sample; ${kinds}`);
  const height = segment.u16be();
  const width = segment.u16be();
  const n = segment.u8();
  if (n !== 1 && n !== 3 && n !== 4) throw unsupported(`JPEG with ${n} colour components is not supported`);
  const read = Array.from({ length: n }, () => {
    const id = segment.u8();
    const sampling = segment.u8();
    return { id, h: sampling >> 4, v: sampling & 15, quantTable: segment.u8() };
  });
  const hMax = Math.max(...read.map(({ h }) => h));
  const vMax = Math.max(...read.map(({ v }) => v));
  for (const { h, v, quantTable } of read) {
    if (h < 1 || h > 4 || v < 1 || v > 4 || hMax % h !== 0 || vMax % v !== 0 || quantTable > 3) {
      throw damaged(`a JPEG component cannot have ${h}x${v} of ${hMax}x${vMax} samples with table ${quantTable}`);
    }
  }
  const unitsPerRow = Math.ceil(width / (8 * hMax));
  const unitRows = Math.ceil(height / (8 * vMax));
  const components = read.map((component) => ({
    ...component,
    width: Math.ceil((width * component.h) / hMax),
    height: Math.ceil((height * component.v) / vMax),
    blocksPerRow: unitsPerRow * component.h,
    blockRows: unitRows * component.v,
  }));
  return { width, height, progressive: code === 0xc2, components, hMax, vMax, unitsPerRow, unitRows };
}

/** Reads a segment that is neither a frame nor a scan. Irrelevant segments are skipped. */
export function readTables(code: number, segment: ByteReader, tables: Tables): void {
  switch (code) {
    case 0xdb:
      while (segment.left > 0) readQuantTable(segment, tables);
      break;
    case 0xc4:
      while (segment.left > 0) readHuffmanTable(segment, tables);
      break;
    case 0xdd:
      tables.restartInterval = segment.u16be();
      break;
    case 0xe0:
      tables.hasJfif ||= hasText(segment.bytes, 0, 'JFIF\0');
      break;
    case 0xee:
      if (segment.left >= 12 && hasText(segment.bytes, 0, 'Adobe\0')) tables.adobeTransform = segment.bytes[11];
  }
}

/** The orientation in a segment with EXIF data; `undefined` for any other segment. */
export function readExif(code: number, { bytes }: ByteReader): number | undefined {
  return code === 0xe1 && hasText(bytes, 0, 'Exif\0\0') ? exifOrientation(bytes.subarray(6)) : undefined;
}

function readQuantTable(segment: ByteReader, tables: Tables): void {
  const kind = segment.u8();
  if (kind >> 4 > 1 || (kind & 15) > 3) throw damaged('the JPEG file has an impossible quantisation table');
  tables.quant[kind & 15] = Uint16Array.from({ length: 64 }, () => (kind >> 4 ? segment.u16be() : segment.u8()));
}

function readHuffmanTable(segment: ByteReader, tables: Tables): void {
  const kind = segment.u8();
  if (kind >> 4 > 1 || (kind & 15) > 3) throw damaged('the JPEG file has an impossible Huffman table');
  const counts = segment.take(16);
  const n = counts.reduce((sum, count) => sum + count, 0);
  if (n > 256) throw damaged('a Huffman table of the JPEG file has more than 256 codes');
  (kind >> 4 ? tables.ac : tables.dc)[kind & 15] = makeHuffmanTable(counts, segment.take(n));
}
