/**
 * @file The columns of an output as types of Arrow.
 */
import {
  binary,
  bool,
  type DataType,
  field,
  fixedSizeList,
  float32,
  float64,
  int8,
  int32,
  int64,
  list,
  uint8,
  utf8,
} from '@uwdata/flechette';
import type { OutputDtype } from '../../engine/outputs/output-dtypes.ts';
import type { OutputKind } from '../../engine/types.ts';
import type { ColumnKind } from './columns.ts';
import { type OutputLayout, vectorLength } from './record-writer.ts';

const typeOfKind: Readonly<Record<ColumnKind, () => DataType>> = {
  boolean: bool,
  integer: int64,
  number: float64,
  string: utf8,
  bytes: binary,
  json: utf8,
};

const typeOfValues: Readonly<Record<OutputDtype, () => DataType>> = {
  float: float32,
  int8,
  uint8,
  binary: int8,
  ubinary: uint8,
};

/** Names and types of all columns, those of the vectors last. */
export function arrowTypes(layout: OutputLayout): [name: string, type: DataType][] {
  const vectorOf = (dimensions: number) =>
    fixedSizeList(
      field('element', typeOfValues[layout.dtype](), false),
      vectorLength({ dimensions, dtype: layout.dtype }),
    );
  const listOf = (type: DataType) => list(field('element', type, false));
  const ofKind: Readonly<Record<OutputKind, () => [string, DataType][]>> = {
    dense: () => [['embedding', vectorOf(layout.dimensions)]],
    sparse: () => [
      ['sparse_indices', listOf(int32())],
      ['sparse_values', listOf(float32())],
    ],
    multi: () => [['multi', listOf(vectorOf(layout.tokenDimensions))]],
  };
  return [
    ...layout.columns.map(({ name, kind }): [string, DataType] => [name, typeOfKind[kind]()]),
    ...layout.kinds.flatMap((kind) => ofKind[kind]()),
    ['n_tokens', int32()],
    ['truncated', bool()],
  ];
}
