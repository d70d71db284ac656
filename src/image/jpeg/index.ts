/**
 * @file JPEG: baseline and progressive, gray, colour and CMYK.
 *
 * The decoder is our own, because every pixel affects the vector: it produces the same pixels as llama.cpp (stb_image). A file with damaged
 * or incomplete data is refused.
 */
import { ByteReader, endsEarly } from '../byte-reader.ts';
import { damaged } from '../errors.ts';
import { MAX_JPEG_SCANS } from '../limits.ts';
import { type DecodedImage, hasText, type ImageFormat, type ImageHeader } from '../pixels.ts';
import { zigzag } from './blocks.ts';
import { painterOf } from './color.ts';
import { inverseTransform } from './idct.ts';
import {
  type Frame,
  isFrame,
  isRestart,
  marker,
  nextMarker,
  noTables,
  readExif,
  readFrame,
  readSegment,
  readTables,
  type Tables,
} from './markers.ts';
import { decodeScan, type Plane } from './scan.ts';
import { upsamplerOf } from './upsample.ts';

export const jpeg: ImageFormat = {
  name: 'JPEG',
  detects: (bytes) => hasText(bytes, 0, '\xff\xd8\xff'),
  readHeader: (bytes) => readFront(bytes).frame,
  readOrientation: (bytes) => readFront(bytes).orientation,
  decode,
};

/** What comes before the pixels: the frame, and the orientation of the EXIF data before it. */
function readFront(bytes: Uint8Array): { readonly frame: ImageHeader; readonly orientation: number } {
  const reader = new ByteReader(bytes, 2);
  let orientation = 1;
  for (;;) {
    const code = nextMarker(reader);
    if (code === marker.none || code === marker.EOI || code === marker.SOS) throw noFrame();
    if (hasNoContent(code)) continue;
    const segment = readSegment(reader);
    if (isFrame(code)) return { frame: readFrame(code, segment), orientation };
    orientation = readExif(code, segment) ?? orientation;
  }
}

function noFrame(): Error {
  return damaged('the JPEG file has no frame');
}

function hasNoContent(code: number): boolean {
  return isRestart(code) || code === 0x01 || code === 0xd8;
}

function decode(bytes: Uint8Array): DecodedImage {
  const reader = new ByteReader(bytes, 2);
  const tables = noTables();
  let frame: Frame | undefined;
  let planes: Plane[] = [];
  let nScans = 0;
  let isEnded = false;
  for (;;) {
    const code = nextMarker(reader);
    isEnded = code === marker.EOI;
    if (isEnded || code === marker.none) break;
    if (hasNoContent(code)) continue;
    const segment = readSegment(reader);
    if (code === marker.SOS) {
      if (frame === undefined) throw noFrame();
      if (++nScans > MAX_JPEG_SCANS) throw damaged(`the JPEG file has more than ${MAX_JPEG_SCANS} scans`);
      decodeScan(reader, segment, frame, planes, tables);
    } else if (isFrame(code)) {
      if (frame !== undefined) throw damaged('the JPEG file has two frames');
      frame = readFrame(code, segment);
      planes = planesOf(frame);
    } else readTables(code, segment, tables);
  }
  if (frame === undefined) throw noFrame();
  // The end marker may be missing if every component is present. In a progressive file, further scans may be missing with it.
  if (planes.some(({ isScanned }) => !isScanned) || (frame.progressive && !isEnded)) throw endsEarly();
  if (frame.progressive) for (const plane of planes) transformPlane(plane, tables);
  return paint(frame, planes, tables);
}

function planesOf({ components, progressive }: Frame): Plane[] {
  return components.map((component) => {
    const nBlocks = component.blocksPerRow * component.blockRows;
    return {
      ...component,
      samples: new Uint8Array(64 * nBlocks),
      coefficients: progressive ? new Int16Array(64 * nBlocks) : undefined,
      prediction: 0,
      isScanned: false,
    };
  });
}

/** Transforms coefficients to samples after all scans of a progressive file have been read. */
function transformPlane({ coefficients, samples, blocksPerRow, blockRows, quantTable }: Plane, tables: Tables): void {
  const quant = tables.quant[quantTable];
  if (quant === undefined || coefficients === undefined) throw damaged('the JPEG file lacks a quantisation table');
  const stride = 8 * blocksPerRow;
  const block = new Int16Array(64);
  for (let row = 0, at = 0; row < blockRows; row++) {
    for (let column = 0; column < blocksPerRow; column++, at += 64) {
      for (let k = 0; k < 64; k++) block[zigzag[k]] = coefficients[at + zigzag[k]] * quant[k];
      inverseTransform(block, samples, 8 * row * stride + 8 * column, stride);
    }
  }
}

function paint(frame: Frame, planes: readonly Plane[], tables: Tables): DecodedImage {
  const { width, height, hMax, vMax } = frame;
  const rgb = new Uint8Array(width * height * 3);
  const paintRow = painterOf(frame, tables);
  const sources = planes.map((plane) => {
    const hs = hMax / plane.h;
    const vs = vMax / plane.v;
    const stored = Math.ceil(width / hs);
    const upsample = upsamplerOf(hs, vs, stored);
    const line = new Uint8Array(stored * hs);
    const rowAt = (row: number) => {
      const start = Math.min(Math.max(row, 0), plane.height - 1) * plane.blocksPerRow * 8;
      return plane.samples.subarray(start, start + stored);
    };
    return (y: number) => {
      const near = Math.floor(y / vs);
      return upsample(rowAt(near), rowAt(y % 2 === 0 ? near - 1 : near + 1), line);
    };
  });
  for (let y = 0; y < height; y++) {
    paintRow(
      sources.map((source) => source(y)),
      width,
      rgb,
      3 * y * width,
    );
  }
  return { width, height, rgb };
}
