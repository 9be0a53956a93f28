/** Exclusive or: the smallest task that needs a hidden layer. */

import type { Examples } from './examples.ts';
import type { FeatureSettings } from './settings.ts';

const COLUMNS = ['a', 'b', 'one'];

/** The four rows; the third column is always 1 and stands for the biases. */
export function loadXor(): Examples {
  return {
    inputs: {
      kind: 'numeric',
      columns: COLUMNS,
      rows: 4,
      values: Float64Array.of(0, 0, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1),
    },
    labelColumn: 'a xor b',
    labels: Int32Array.of(0, 1, 1, 0),
    classes: ['0', '1'],
  };
}

/** Features (a − ½, b − ½, 1): a and b centred. */
export function xorSettings(): FeatureSettings {
  return {
    version: 1,
    inputs: { kind: 'numeric', columns: COLUMNS, mean: [0.5, 0.5, 0], deviation: [1, 1, 1], scale: 1 },
    label: { column: 'a xor b', classes: ['0', '1'], outputs: 1, offset: 0 },
  };
}
