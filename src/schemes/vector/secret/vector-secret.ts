/** The owner's half of integer-vector encryption: keys, encryption with the secret, decryption. */

import { checkPowerOfTwo } from '../../../base/checks.ts';
import { shiftRounded } from '../../../base/integers.ts';
import type { IntegerSecret } from '../../integer-scheme.ts';
import type { VectorCiphertext } from '../ciphertext.ts';
import type { OneWayKeys, VectorKeys } from '../keys.ts';
import { reduce, type VectorParameters } from '../parameters.ts';
import type { SwitchingMatrix } from '../switching-matrix.ts';
import { elementwiseMatrix, oneWayMatrix, permutationMatrix } from './matrices.ts';
import { freshIntegers, type RandomIntegers } from './random-integers.ts';
import { makeSecretKey, phase, type VectorSecretKey } from './secret-key.ts';

export class VectorSecret implements IntegerSecret<VectorCiphertext> {
  readonly key: VectorSecretKey;
  readonly #random: RandomIntegers;

  constructor(key: VectorSecretKey, random: RandomIntegers = freshIntegers()) {
    this.key = key;
    this.#random = random;
  }

  /** (w·x + e − T·r, r), with e and r drawn as the entries of E and A are. */
  encrypt(values: readonly bigint[]): VectorCiphertext {
    const { parameters, slots, t } = this.key;
    if (values.length === 0 || slots % values.length !== 0) {
      throw new RangeError(`values: expected a number of them that divides ${slots}, got ${values.length}`);
    }
    const shift = BigInt(parameters.logScale);
    const mask = Array.from({ length: parameters.columns }, () =>
      parameters.logModulus === 0
        ? BigInt(this.#random.below(parameters.maskBound))
        : this.#random.signed(parameters.logModulus),
    );
    const top = t.map((row, i) => {
      const message = (values[i % values.length] << shift) + BigInt(this.#random.below(parameters.errorBound));
      return reduce(
        row.reduce((sum, value, j) => sum - BigInt(value) * mask[j], message),
        parameters,
      );
    });
    return { entries: [...top, ...mask] };
  }

  /** round(S·c / w), modulo q/w where there is a modulus. */
  decrypt({ entries }: VectorCiphertext, count?: number): bigint[] {
    const { logScale, logModulus } = this.key.parameters;
    const slots = phase(this.key, entries)
      .slice(0, count)
      .map((value) => shiftRounded(value, logScale));
    return logModulus === 0 ? slots : slots.map((value) => BigInt.asIntN(logModulus - logScale, value));
  }

  /** S·c / w, not rounded: the bits below the unit that division leaves. To 2^-30 or so beside the largest. */
  decryptReal({ entries }: VectorCiphertext): number[] {
    const { logScale } = this.key.parameters;
    const keep = Math.min(logScale, 30);
    return phase(this.key, entries).map((value) => Number(shiftRounded(value, logScale - keep)) / 2 ** keep);
  }
}

export interface VectorKeyOptions {
  readonly parameters: VectorParameters;
  /** n, a power of two. */
  readonly slots: number;
  /** Rotations with a key of their own. Default: the powers of two, of which every other one is put together. */
  readonly rotations?: readonly number[];
  /** Default: the system's generator. */
  readonly random?: RandomIntegers;
}

export interface VectorKeyPair {
  readonly secret: VectorSecret;
  readonly keys: VectorKeys;
}

export function makeVectorKeys(options: VectorKeyOptions): VectorKeyPair {
  const { parameters, random = freshIntegers() } = options;
  const slots = checkPowerOfTwo('slots', options.slots, 1, 2 ** 12);
  const key = makeSecretKey(parameters, slots, random);
  return { secret: new VectorSecret(key, random), keys: publicKeysOf(key, options.rotations, random) };
}

/** A secret and the public key that encrypts for it, without the matrices that compute. */
export function makeOneWayKeys(options: Omit<VectorKeyOptions, 'rotations'>): {
  readonly secret: VectorSecret;
  readonly keys: OneWayKeys;
} {
  const { parameters, slots, random = freshIntegers() } = options;
  const key = makeSecretKey(parameters, slots, random);
  return { secret: new VectorSecret(key, random), keys: { parameters, slots, oneWay: oneWayMatrix(key, random) } };
}

/** The matrices that a trainer needs under `key`. */
export function publicKeysOf(
  key: VectorSecretKey,
  steps: readonly number[] = powersBelow(key.slots),
  random: RandomIntegers = freshIntegers(),
): VectorKeys {
  const rotations = new Map<number, SwitchingMatrix>();
  for (const step of steps) {
    const wrapped = ((step % key.slots) + key.slots) % key.slots;
    if (wrapped === 0 || rotations.has(wrapped)) continue;
    const source = Array.from({ length: key.slots }, (_, i) => (i + wrapped) % key.slots);
    rotations.set(wrapped, permutationMatrix(key, source, random));
  }
  const { parameters, slots } = key;
  return {
    parameters,
    slots,
    oneWay: oneWayMatrix(key, random),
    elementwise: elementwiseMatrix(key, random),
    rotations,
  };
}

function powersBelow(slots: number): number[] {
  return Array.from({ length: Math.log2(slots) }, (_, j) => 2 ** j);
}
