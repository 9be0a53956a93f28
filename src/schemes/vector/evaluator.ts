/**
 * Integer-vector encryption as a slot scheme: an elementwise product is one key switch whose row i is S_i ⊗ S_i, a
 * rotation is one that permutes. Without a modulus slots never wrap and ciphertexts may be divided.
 *
 * Error: S·c = w·x + e, slots err by e/w. A switch of m entries adds at most `switchErrorBound(parameters, m)` to e; a
 * product of (x1, e1) and (x2, e2) has e = x1·e2 + x2·e1 + e1·e2/w, and division by 2^s divides it. In fixed point with
 * s fractional bits a product and its division therefore err by about |v1|·e2/w + |v2|·e1/w units of 2^−s.
 *
 * **Broken**: the secret key follows from `VectorKeys` by least squares (`attacks/vector-key.ts`).
 */

import { checkPowerOfTwo } from '../../base/checks.ts';
import { HermeticError } from '../../base/errors.ts';
import { shiftRounded } from '../../base/integers.ts';
import type { IntegerEvaluator } from '../integer-scheme.ts';
import { addVectors, multiplyVector, trivialCiphertext, type VectorCiphertext } from './ciphertext.ts';
import type { VectorKeys } from './keys.ts';
import { checkVectorParameters, switchErrorBound, type VectorParameters } from './parameters.ts';
import { foldedProducts } from './products.ts';
import { type SwitchingMatrix, switchKey } from './switching-matrix.ts';

/** Products without end, for whoever plans with it. */
const ENDLESS = 2 ** 20;

export class VectorEvaluator implements IntegerEvaluator<VectorCiphertext> {
  readonly scheme: string = 'vector';
  readonly slots: number;
  readonly depth: number;
  readonly plainBits: number;
  readonly parameters: VectorParameters;
  /** round(a / 2^bits) in every slot; absent with a modulus. */
  readonly divide?: (a: VectorCiphertext, bits: number) => VectorCiphertext;
  readonly #keys: VectorKeys;

  constructor(keys: VectorKeys) {
    this.#keys = keys;
    this.parameters = checkVectorParameters(keys.parameters);
    this.slots = checkPowerOfTwo('slots', keys.slots, 1, 2 ** 16);
    const { logModulus, logScale } = this.parameters;
    this.plainBits = logModulus === 0 ? Number.POSITIVE_INFINITY : logModulus - logScale - 1;
    this.depth = logModulus === 0 ? ENDLESS : modularDepth(keys);
    if (logModulus === 0) this.divide = (a, bits) => divideBits(this.#checked(a), bits);
  }

  add(a: VectorCiphertext, b: VectorCiphertext): VectorCiphertext {
    return addVectors(this.#checked(a), b, this.parameters);
  }

  subtract(a: VectorCiphertext, b: VectorCiphertext): VectorCiphertext {
    return addVectors(this.#checked(a), b, this.parameters, -1n);
  }

  negate(a: VectorCiphertext): VectorCiphertext {
    return this.multiplyInteger(a, -1n);
  }

  addPlain(a: VectorCiphertext, values: readonly bigint[]): VectorCiphertext {
    return this.add(a, this.#trivial(values));
  }

  innerProduct(as: readonly VectorCiphertext[], bs: readonly VectorCiphertext[]): VectorCiphertext {
    return this.multiplyWith(this.#keys.elementwise, as, bs);
  }

  /**
   * Σ_t a_t, b_t under another matrix for products than the elementwise one: slot r is Σ_i D_ri Σ_t a_ti b_ti
   * (`secret/matrices.ts` makes it for D).
   */
  multiplyWith(
    matrix: SwitchingMatrix,
    as: readonly VectorCiphertext[],
    bs: readonly VectorCiphertext[],
  ): VectorCiphertext {
    for (const operand of [...as, ...bs]) this.#checked(operand);
    return { entries: switchKey(matrix, foldedProducts(as, bs, this.parameters), this.parameters) };
  }

  /** By the trivial ciphertext of the values; a constant needs no key. */
  multiplyPlain(a: VectorCiphertext, values: readonly bigint[]): VectorCiphertext {
    if (values.length > 0 && values.every((value) => value === values[0])) return this.multiplyInteger(a, values[0]);
    return this.innerProduct([a], [this.#trivial(values)]);
  }

  multiplyInteger(a: VectorCiphertext, factor: bigint): VectorCiphertext {
    return multiplyVector(this.#checked(a), factor, this.parameters);
  }

  /** Steps without a key of their own are put together from those that have one, the largest first. */
  rotate(a: VectorCiphertext, steps: number): VectorCiphertext {
    if (!Number.isInteger(steps)) throw new RangeError(`steps: expected an integer, got ${steps}`);
    let rest = ((steps % this.slots) + this.slots) % this.slots;
    let out = this.#checked(a);
    while (rest > 0) {
      const next = this.#keys.rotations.has(rest) ? rest : this.#largestStep(rest);
      out = this.transform(this.#keys.rotations.get(next) as SwitchingMatrix, out);
      rest -= next;
    }
    return out === a ? { entries: [...a.entries] } : out;
  }

  /** G·x, with the owner's matrix for G. */
  transform(matrix: SwitchingMatrix, a: VectorCiphertext): VectorCiphertext {
    return { entries: switchKey(matrix, a.entries, this.parameters) };
  }

  dispose(_a: VectorCiphertext): void {}

  #largestStep(below: number): number {
    const step = Math.max(0, ...[...this.#keys.rotations.keys()].filter((known) => known < below));
    if (step > 0) return step;
    throw new HermeticError('WRONG_KEY', 'the keys do not hold this rotation', {
      expected: `a key for a rotation of at most ${below}`,
      mend: 'Make the keys with the rotations that are needed.',
    });
  }

  #trivial(values: readonly bigint[]): VectorCiphertext {
    const { length } = values;
    if (length === 0 || this.slots % length !== 0) {
      throw new RangeError(`values: expected a number of them that divides ${this.slots}, got ${length}`);
    }
    return trivialCiphertext(
      Array.from({ length: this.slots }, (_, i) => values[i % length]),
      this.parameters,
    );
  }

  #checked(a: VectorCiphertext): VectorCiphertext {
    const length = this.slots + this.parameters.columns;
    if (a.entries.length !== length) {
      throw new RangeError(`ciphertext: expected ${length} entries, got ${a.entries.length}`);
    }
    return a;
  }
}

function divideBits(a: VectorCiphertext, bits: number): VectorCiphertext {
  if (!Number.isInteger(bits) || bits < 0) throw new RangeError(`bits: expected an integer from 0 on, got ${bits}`);
  return { entries: a.entries.map((value) => shiftRounded(value, bits)) };
}

/**
 * Modulo q a product multiplies errors by up to 2·(q/w)·(1 + k·max T), for the multiples of q in the operands meet the
 * other's error (as in FV, 2012/144); at w/2 they spoil the message.
 */
function modularDepth({ parameters, elementwise }: VectorKeys): number {
  const { logModulus, logScale, columns, keyBound } = parameters;
  const first = Math.log2(2 * switchErrorBound(parameters, elementwise.inputs));
  const growth = logModulus - logScale + 1 + Math.log2(1 + columns * (keyBound - 1));
  return Math.max(0, Math.floor((logScale - 1 - first) / growth));
}
