/**
 * IDX, the format of the MNIST files: 0, 0, type, number of dimensions; each dimension as a big-endian 32-bit integer;
 * the values, last dimension fastest. Only unsigned bytes (type 8) are read.
 */

import { HermeticError } from '../base/errors.ts';

export interface IdxArray {
  readonly dimensions: readonly number[];
  readonly values: Uint8Array;
}

/** @throws HermeticError BAD_FILE on a foreign, truncated or overlong file */
export function parseIdx(bytes: Uint8Array, source = 'IDX file'): IdxArray {
  const rank = bytes[3];
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== 8 || rank < 1 || rank > 4) {
    throw new HermeticError('BAD_FILE', `${source} is not an IDX file of bytes`, {
      mend: 'Get the file again, uncompressed.',
    });
  }
  const start = 4 + 4 * rank;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const dimensions = bytes.length < start ? [] : Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const length = dimensions.reduce((product, dimension) => product * dimension, 1);
  if (bytes.length !== start + length) {
    throw new HermeticError('BAD_FILE', `${source} is cut short or has more than it should`, {
      expected: `${start + length} bytes`,
      got: `${bytes.length}`,
      mend: 'Get the file again.',
    });
  }
  return { dimensions, values: bytes.subarray(start) };
}
