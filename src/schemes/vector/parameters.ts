/**
 * Parameters of integer-vector encryption (Zhou and Wornell, "Efficient Homomorphic Encryption on Integer Vectors and
 * Its Applications", 2014; Yu, Lai and Payor, 2015). No choice of them is secure: see `attacks/vector-key.ts`.
 */

import { HermeticError } from '../../base/errors.ts';

export interface VectorParameters {
  /** w = 2^logScale: S·c = w·x + e. */
  readonly logScale: number;
  /** b: key switching writes entries in signed digits of base 2^b; 1 for signed bits. */
  readonly digitBits: number;
  /** l: digits an entry; entries stay below 2^(b·l) in magnitude. */
  readonly digits: number;
  /** k: columns of T. */
  readonly columns: number;
  /** Entries of T are drawn from 0 … keyBound − 1. */
  readonly keyBound: number;
  /** Entries of A are drawn from 0 … maskBound − 1; modulo q, where there is a modulus, they are uniform instead. */
  readonly maskBound: number;
  /** Entries of E are drawn from 0 … errorBound − 1. */
  readonly errorBound: number;
  /** q = 2^logModulus; 0 for none. With a modulus slots hold integers modulo q/w. */
  readonly logModulus: number;
}

export type VectorPreset = 'seed' | 'vhe' | 'modular' | 'training';

const PRESETS: Readonly<Record<VectorPreset, VectorParameters>> = {
  /** The blog post's, T an integer here. */
  seed: {
    logScale: 25,
    digitBits: 1,
    digits: 100,
    columns: 1,
    keyBound: 10,
    maskBound: 10,
    errorBound: 10,
    logModulus: 0,
  },
  /** Those of Yu, Lai and Payor's program. */
  vhe: {
    logScale: 40,
    digitBits: 1,
    digits: 100,
    columns: 1,
    keyBound: 1000,
    maskBound: 1000,
    errorBound: 1000,
    logModulus: 0,
  },
  /** As the scheme might have been meant: A uniform modulo q. It falls all the same. */
  modular: {
    logScale: 40,
    digitBits: 1,
    digits: 60,
    columns: 1,
    keyBound: 10,
    maskBound: 10,
    errorBound: 10,
    logModulus: 60,
  },
  /** Fixed point with up to 24 fractional bits: room for products before they are divided, and wide digits for speed. */
  training: {
    logScale: 40,
    digitBits: 8,
    digits: 16,
    columns: 1,
    keyBound: 10,
    maskBound: 10,
    errorBound: 10,
    logModulus: 0,
  },
};

export function vectorPreset(name: VectorPreset): VectorParameters {
  return PRESETS[name];
}

/** Lowest and highest of each parameter; sums of digit products stay below 2^53 within them (`switching-matrix.ts`). */
export const PARAMETER_RANGES: Readonly<Record<keyof VectorParameters, readonly [number, number]>> = {
  logScale: [1, 512],
  digitBits: [1, 8],
  digits: [1, 2048],
  columns: [1, 256],
  keyBound: [2, 2 ** 12],
  maskBound: [2, 2 ** 12],
  errorBound: [1, 2 ** 12],
  logModulus: [0, 1024],
};

/** @throws RangeError naming the parameter that is out of range */
export function checkVectorParameters(parameters: VectorParameters): VectorParameters {
  for (const name of Object.keys(PARAMETER_RANGES) as (keyof VectorParameters)[]) {
    const [low, high] = PARAMETER_RANGES[name];
    const value = parameters[name];
    if (!Number.isInteger(value) || value < low || value > high) {
      throw new RangeError(`${name}: expected an integer in ${low} … ${high}, got ${value}`);
    }
  }
  const { logModulus, logScale, digitBits, digits } = parameters;
  if (logModulus !== 0 && (logModulus <= logScale || digitBits * digits < logModulus)) {
    throw new RangeError(
      `logModulus: expected more than logScale = ${logScale} and at most ${digitBits * digits}, got ${logModulus}`,
    );
  }
  return parameters;
}

/** |E·c*| of one key switch of a vector of `inputs` entries: at most this. Slots err by it divided by w. */
export function switchErrorBound({ errorBound, digitBits, digits }: VectorParameters, inputs: number): number {
  return (errorBound - 1) * (2 ** digitBits - 1) * digits * inputs;
}

/** v modulo q in −q/2 … q/2 − 1; v itself where there is no modulus. */
export function reduce(value: bigint, { logModulus }: VectorParameters): bigint {
  return logModulus === 0 ? value : BigInt.asIntN(logModulus, value);
}

export function entriesTooLarge(bits: number, { digitBits, digits }: VectorParameters): HermeticError {
  return new HermeticError('DIVERGED', 'a ciphertext has grown beyond the digits of its key', {
    expected: `entries below 2^${digitBits * digits}`,
    got: `one of ${bits} bits`,
    mend: 'Divide sooner, or make keys with more digits; where training diverged, lower the learning rate.',
  });
}
