/**
 * @file The files that the page saves, without a browser.
 */
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { expect, it } from 'vitest';
import { exportFile } from '../../src/page/export/files.ts';
import { mapSvg } from '../../src/page/map/svg.ts';

const n = 2500;
const rows = {
  texts: Array.from({ length: n }, (_, i) => (i % 7 === 0 ? `“${i}” 🐈\n` : `text ${i}`)),
  columns: { number: Array.from({ length: n }, (_, i) => String(i)), text: Array(n).fill('an older text') },
  vectors: Array.from({ length: n }, (_, i) => Float32Array.of(i / 3, -i, 1e-20)),
};

it('writes Parquet in groups of rows, also of some rows only', async () => {
  const file = await (await exportFile('vectors.parquet', rows, undefined)).arrayBuffer();
  expect(parquetMetadata(file).row_groups.map(({ num_rows }) => Number(num_rows))).toEqual([1000, 1000, 500]);
  const expected = rows.texts.map((text, i) => ({ number: `${i}`, text, embedding: Array.from(rows.vectors[i]) }));
  expect(await parquetReadObjects({ file })).toEqual(expected);
  const some = await (await exportFile('vectors.parquet', rows, [2000, 3])).arrayBuffer();
  expect(await parquetReadObjects({ file: some })).toEqual([expected[2000], expected[3]]);
});

it('lets the vectors be the column of that name', async () => {
  const columns = { embedding: ['a', 'b'] };
  const two = { texts: rows.texts.slice(0, 2), columns, vectors: rows.vectors.slice(0, 2) };
  const file = await (await exportFile('vectors.parquet', two, undefined)).arrayBuffer();
  expect(await parquetReadObjects({ file })).toEqual(
    two.texts.map((text, i) => ({ text, embedding: Array.from(two.vectors[i]) })),
  );
});

it('writes labels of the map as text of the SVG', async () => {
  const svg = await mapSvg({
    positions: Float32Array.of(0, 0, 1, 1, 50, 50),
    colours: Uint8Array.of(1, 2, 3, 255, 4, 5, 6, 51, 7, 8, 9, 255),
    labels: [{ text: '<b>"&\u0007', x: 0, y: 1 }],
    view: { x: 0, y: 0, scale: 10 },
    size: { width: 100, height: 60 },
    radius: 2,
    back: '#fff',
    ink: '#000',
  }).text();
  expect(svg).toContain('>&lt;b&gt;&quot;&amp;\ufffd</text>');
  expect(svg).toContain('<circle cx="60" cy="20" r="2" fill="rgb(4,5,6)" fill-opacity="0.2"/>');
  // What lies outside of the picture is left out.
  expect(svg.match(/<circle /g)).toHaveLength(2);
});
