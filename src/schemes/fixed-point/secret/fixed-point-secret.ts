/** The owner's half of fixed point. */

import { HermeticError } from '../../../base/errors.ts';
import { shiftRounded } from '../../../base/integers.ts';
import type { IntegerSecret } from '../../integer-scheme.ts';
import type { MaskedPart } from '../blinding.ts';
import type { ComplexSlots, FixedPointCiphertext } from '../ciphertext.ts';
import type { FixedPointEvaluator } from '../fixed-point-evaluator.ts';
import { fromFixed, toFixed } from '../quantize.ts';

/** Without imaginary parts a ciphertext is real, and everybody sees that it is. */
export interface RealOrComplexSlots {
  readonly re: Float64Array;
  readonly im?: Float64Array | undefined;
}

export class FixedPointSecret<X> {
  readonly #evaluator: FixedPointEvaluator<X>;
  readonly #secret: IntegerSecret<X>;

  constructor(evaluator: FixedPointEvaluator<X>, secret: IntegerSecret<X>) {
    this.#evaluator = evaluator;
    this.#secret = secret;
  }

  /** HermeticError BAD_DATA for values beyond the bound of fresh slots. */
  encrypt({ re, im }: RealOrComplexSlots, level: number): FixedPointCiphertext<X> {
    const { logScale, freshBound } = this.#evaluator.options;
    const most = [...re, ...(im ?? [])].reduce((max, x) => Math.max(max, Math.abs(x)), 0);
    if (!(most <= freshBound)) {
      throw new HermeticError('BAD_DATA', 'a weight is too large for this scheme’s fixed point', {
        expected: `slots up to ${freshBound}`,
        mend: 'Seal a network of smaller weights.',
      });
    }
    const part = (values: Float64Array | undefined) => values && this.#secret.encrypt(toFixed(values, logScale));
    return this.#evaluator.adopt({ re: part(re), im: part(im) }, level);
  }

  decrypt({ re, im, logScale }: FixedPointCiphertext<X>): ComplexSlots {
    const { slots } = this.#evaluator;
    const part = (x: X | undefined) => {
      if (x === undefined) return new Float64Array(slots);
      return Float64Array.from(this.#secret.decrypt(x, slots), (integer) => fromFixed(integer, logScale));
    };
    return { re: part(re?.value), im: part(im?.value) };
  }

  /** The owner's side of the blinded refresh: nothing is compared with a range, nothing depends on a value. */
  renew({ masked, excess }: MaskedPart<X>): X {
    const { slots } = this.#evaluator;
    return this.#secret.encrypt(this.#secret.decrypt(masked, slots).map((integer) => shiftRounded(integer, excess)));
  }
}
