/**
 * @file Decodes one scan: its components and coefficients, and then its blocks in order.
 */
import type { ByteReader } from '../byte-reader.ts';
import { damaged } from '../errors.ts';
import { type Band, decodeAcFirst, decodeBaseline, decodeDcFirst, refineAc, refineDc } from './blocks.ts';
import { BitReader, type HuffmanTable } from './huffman.ts';
import { inverseTransform } from './idct.ts';
import type { Component, Frame, Tables } from './markers.ts';

/** A component with memory for its decoded data. */
export interface Plane extends Component {
  /** `blocksPerRow * 8` by `blockRows * 8` samples. */
  readonly samples: Uint8Array;
  /** 64 coefficients a block. Only for progressive files, which transmit them in several scans. */
  readonly coefficients?: Int16Array;
  /** DC value of the previous block. */
  prediction: number;
  /** Whether a scan has contained the component. */
  isScanned: boolean;
}

/** Decodes the block at a column and row of blocks. */
type BlockDecoder = (column: number, row: number) => void;

/**
 * @param reader is just after the marker of the scan; afterwards just after its data
 * @throws ImageError when the scan contradicts the frame, or its data is damaged or incomplete
 */
export function decodeScan(
  reader: ByteReader,
  segment: ByteReader,
  frame: Frame,
  planes: Plane[],
  tables: Tables,
): void {
  const wanted = readScanHeader(segment, frame, planes);
  const bits = new BitReader(reader.bytes, reader.at);
  const run = { blocks: 0 };
  const parts = wanted.selected.map(({ plane, dc, ac }) => ({
    plane,
    decode: blockDecoder(bits, frame, plane, wanted.band, { dc: tables.dc[dc], ac: tables.ac[ac] }, tables, run),
  }));
  let toRestart = tables.restartInterval;
  const beforeUnit = () => {
    if (tables.restartInterval === 0) return;
    if (toRestart-- > 0) return;
    if (bits.isPast || !bits.restart()) throw damaged('a restart marker is missing in the JPEG file');
    for (const { plane } of parts) plane.prediction = 0;
    run.blocks = 0;
    toRestart = tables.restartInterval - 1;
  };
  for (const { plane } of parts) {
    plane.prediction = 0;
    plane.isScanned = true;
  }
  if (parts.length === 1) {
    // A scan of one component omits the blocks that only fill its last unit.
    const [{ plane, decode }] = parts;
    const columns = Math.ceil(plane.width / 8);
    const rows = Math.ceil(plane.height / 8);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        beforeUnit();
        decode(column, row);
      }
      checkLeft(bits);
    }
  } else {
    for (let row = 0; row < frame.unitRows; row++) {
      for (let column = 0; column < frame.unitsPerRow; column++) {
        beforeUnit();
        for (const { plane, decode } of parts) {
          const { h, v } = plane;
          for (let y = 0; y < v; y++) for (let x = 0; x < h; x++) decode(column * h + x, row * v + y);
        }
      }
      checkLeft(bits);
    }
  }
  reader.at = bits.at;
}

function checkLeft(bits: BitReader): void {
  if (bits.isPast) throw damaged('the packed pixels of the JPEG file end before the picture is complete');
}

function readScanHeader(segment: ByteReader, { progressive }: Frame, planes: Plane[]) {
  const n = segment.u8();
  if (n < 1 || n > planes.length) throw damaged(`a scan of the JPEG file has ${n} components`);
  const selected = Array.from({ length: n }, () => {
    const id = segment.u8();
    const tables = segment.u8();
    const plane = planes.find((plane) => plane.id === id);
    if (plane === undefined || tables >> 4 > 3 || (tables & 15) > 3) {
      throw damaged('a scan of the JPEG file names an invalid component or table');
    }
    return { plane, dc: tables >> 4, ac: tables & 15 };
  });
  const start = segment.u8();
  const end = segment.u8();
  const approximation = segment.u8();
  if (!progressive) {
    if (start !== 0 || approximation !== 0)
      throw damaged('the JPEG file has a progressive scan in a frame that is not progressive');
    return { selected, band: { start: 0, end: 63, high: 0, low: 0 } };
  }
  const band = { start, end, high: approximation >> 4, low: approximation & 15 };
  if (start > 63 || end > 63 || start > end || band.high > 13 || band.low > 13) {
    throw damaged('a scan of the JPEG file has impossible coefficients');
  }
  if (start === 0 ? end !== 0 : n !== 1) throw damaged('a scan of the JPEG file mixes DC and other coefficients');
  return { selected, band };
}

/** Makes the decoder of one component's blocks in a scan. */
function blockDecoder(
  bits: BitReader,
  { progressive }: Frame,
  plane: Plane,
  band: Band,
  { dc, ac }: { dc: HuffmanTable | undefined; ac: HuffmanTable | undefined },
  tables: Tables,
  run: { blocks: number },
): BlockDecoder {
  const { blocksPerRow, samples, coefficients } = plane;
  if (!progressive || coefficients === undefined) {
    const codes = [present(dc), present(ac)] as const;
    const quant = present(tables.quant[plane.quantTable]);
    const block = new Int16Array(64);
    const stride = blocksPerRow * 8;
    return (column, row) => {
      plane.prediction = decodeBaseline(bits, codes, quant, plane.prediction, block);
      inverseTransform(block, samples, row * 8 * stride + column * 8, stride);
    };
  }
  const blockAt = (column: number, row: number) => {
    const at = 64 * (row * blocksPerRow + column);
    return coefficients.subarray(at, at + 64);
  };
  if (band.start === 0) {
    if (band.high > 0) return (column, row) => refineDc(bits, band, blockAt(column, row));
    const table = present(dc);
    return (column, row) => {
      plane.prediction = decodeDcFirst(bits, table, band, plane.prediction, blockAt(column, row));
    };
  }
  const table = present(ac);
  const decode = band.high > 0 ? refineAc : decodeAcFirst;
  return (column, row) => decode(bits, table, band, run, blockAt(column, row));
}

function present<Table>(table: Table | undefined): Table {
  if (table === undefined) throw damaged('the JPEG file uses a table that it does not define');
  return table;
}
