import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HermeticError } from '../../base/errors.ts';
import { bitLength, shiftRounded } from '../../base/integers.ts';
import { ClearIntegers } from '../clear/clear-integers.ts';
import { blindFixedPoint, MASK_BITS } from './blinding.ts';
import { FixedPointEvaluator, type FixedPointOptions } from './fixed-point-evaluator.ts';
import { fromFixed, quantize, toFixed } from './quantize.ts';
import { FixedPointSecret } from './secret/fixed-point-secret.ts';

const OPTIONS: FixedPointOptions = { slots: 8, logScale: 16, freshBound: 4, constantBits: 12 };

function party(modulus?: bigint, options: Partial<FixedPointOptions> = {}) {
  const integers = new ClearIntegers({ slots: 16, depth: 6, ...(modulus !== undefined && { modulus }) });
  const evaluator = new FixedPointEvaluator(integers, { ...OPTIONS, ...options });
  return { integers, evaluator, secret: new FixedPointSecret(evaluator, integers) };
}

const row = (...values: number[]) => Float64Array.from(values);

describe('numbers in fixed point', () => {
  it('turn into integers and back, as exactly as a double can tell', () => {
    expect(toFixed([1.5, -0.25, 2 ** 60], 2)).toEqual([6n, -1n, 2n ** 62n]);
    expect(fromFixed(-3n, 1)).toBe(-1.5);
    expect(fromFixed((1n << 200n) + 1n, 199)).toBe(2);
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), fc.integer({ min: 0, max: 40 }), (x, bits) => {
        expect(Math.abs(fromFixed(toFixed([x], bits)[0], bits) - x)).toBeLessThanOrEqual(2 ** -bits / 2);
      }),
    );
    expect(() => toFixed([Number.NaN], 3)).toThrow(RangeError);
  });

  it('are divided with rounding, halves upwards', () => {
    expect([5n, 6n, 7n, -5n, -6n, -7n].map((x) => shiftRounded(x, 2))).toEqual([1n, 2n, 2n, -1n, -1n, -2n]);
    expect(shiftRounded(3n, 0)).toBe(3n);
    expect(shiftRounded(3n, -2)).toBe(12n);
    expect([0n, 1n, -1n, 255n, -256n].map(bitLength)).toEqual([0, 1, 1, 8, 9]);
  });

  it('take no more bits than they need', () => {
    expect(quantize([0, 1, 1, 0], 10)).toEqual({ integers: [0n, 1n, 1n, 0n], shift: 0, largest: 1 });
    expect(quantize([-0.125, 0.25], 10)).toEqual({ integers: [-1n, 2n], shift: 3, largest: 2 });
    expect(quantize([48], 10)).toEqual({ integers: [3n], shift: -4, largest: 3 });
    expect(quantize([0, 0], 10)).toEqual({ integers: [0n, 0n], shift: 0, largest: 0 });
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, min: -9, max: 9 }), { minLength: 1 }), (values) => {
        const { integers, shift, largest } = quantize(values, 10);
        const most = Math.max(...values.map(Math.abs));
        expect(largest).toBeLessThanOrEqual(2 ** 10);
        integers.forEach((x, i) => {
          expect(Math.abs(Number(x) * 2 ** -shift - values[i])).toBeLessThanOrEqual(most * 2 ** -10 + 2 ** -900);
        });
      }),
    );
  });
});

describe('fixed point', () => {
  it('lets scales grow where there is a modulus, and divides them away where there is none', () => {
    for (const modulus of [(1n << 200n) + 1n, undefined]) {
      const { evaluator, secret } = party(modulus);
      const a = secret.encrypt({ re: row(1.5, -2) }, 6);
      const product = evaluator.rescale(evaluator.multiply(a, a));
      expect(product.scale).toBe(2 ** (modulus === undefined ? 16 : 32));
      expect(Array.from(secret.decrypt(product).re.slice(0, 2))).toEqual([2.25, 4]);
      const sum = evaluator.add(product, a);
      expect(Array.from(secret.decrypt(sum).re.slice(0, 2))).toEqual([3.75, 2]);
      expect(sum.level).toBe(5);
    }
  });

  it('bounds every integer, and refuses what might wrap', () => {
    const { evaluator, secret } = party((1n << 60n) + 1n);
    const a = secret.encrypt({ re: row(4, -4, 1, 0), im: row(4, 4, 4, 4) }, 6);
    const square = evaluator.rescale(evaluator.multiply(a, a));
    const values = secret.decrypt(square);
    const largest = Math.max(...[...values.re, ...values.im].map(Math.abs)) * square.scale;
    expect(square.bound).toBeGreaterThanOrEqual(largest);
    expect(() => evaluator.multiply(square, square)).toThrow(/outgrow the plaintext modulus/);
  });

  it('computes only what is asked for', () => {
    const { evaluator, secret, integers } = party();
    let products = 0;
    const original = integers.innerProduct.bind(integers);
    integers.innerProduct = (as, bs) => {
      products++;
      return original(as, bs);
    };
    const a = secret.encrypt({ re: row(1, 2), im: row(3, 4) }, 6);
    const product = evaluator.multiply(a, a);
    const real = evaluator.add(product, evaluator.conjugate(product));
    expect(Array.from(secret.decrypt({ ...real, im: undefined }).re.slice(0, 2))).toEqual([-16, -24]);
    expect(products).toBe(1);
  });

  it('doubles by half the scale: no integer grows', () => {
    const { evaluator, secret } = party((1n << 60n) + 1n);
    const a = secret.encrypt({ re: row(1.5, -2), im: row(3, 0.5) }, 6);
    const twice = evaluator.add(a, a);
    const slots = secret.decrypt(twice);
    expect([...slots.re.slice(0, 2), ...slots.im.slice(0, 2)]).toEqual([3, -4, 6, 1]);
    expect([twice.scale, twice.bound]).toEqual([a.scale / 2, a.bound]);
    // The same integers at another scale are another number.
    const mixed = secret.decrypt(evaluator.add(a, evaluator.scaleBy(a, 2)));
    expect([...mixed.re.slice(0, 2)]).toEqual([4.5, -6]);
  });

  it('rotates the weights of a product with diagonals together where the scheme can, few at a time', () => {
    const { evaluator, secret, integers } = party(undefined, { slots: 16 });
    const asked: (readonly number[])[] = [];
    Object.assign(integers, {
      rotateMany: (x: never, steps: readonly number[]) => {
        asked.push(steps);
        return steps.map((step) => integers.rotate(x, step));
      },
    });
    const diagonals = Array.from({ length: 16 }, (_, r) => Array.from({ length: 16 }, (_, i) => ((r * i) % 5) - 2));
    const fill = (_: number, r: number, out: Float64Array) => out.set(diagonals[r]);
    const prepared = evaluator.prepareDiagonals({ count: 16, period: 16, chunks: 1, fill });
    const w = Float64Array.from({ length: 16 }, (_, i) => i / 4);
    const weight = secret.encrypt({ re: w }, 6);
    const [product] = evaluator.multiplyDiagonals([[weight]], prepared, 1);
    const wanted = (i: number) => diagonals.reduce((sum, d, r) => sum + d[i] * w[(i + r) % 16], 0);
    secret.decrypt(product).re.forEach((x, i) => {
      expect(x).toBeCloseTo(wanted(i), 3);
    });
    expect(asked.flat()).toEqual(Array.from({ length: 16 }, (_, r) => r));
    expect(Math.max(...asked.map((steps) => steps.length))).toBe(8);
    evaluator.dispose(weight, product);
    expect(integers.live).toBe(0);
  });

  it('frees every ciphertext of the scheme below, those that were never computed included', () => {
    const { evaluator, secret, integers } = party();
    const a = secret.encrypt({ re: row(1, 2), im: row(3, 4) }, 6);
    const b = secret.encrypt({ re: row(1, 2) }, 6);
    const kept = evaluator.scope(() => {
      const product = evaluator.rescale(evaluator.innerProduct([a, b], [b, a]));
      const turned = evaluator.timesI(evaluator.subtract(product, b));
      evaluator.rotate(turned, 1);
      return evaluator.add(turned, evaluator.addPlain(turned, row(1)));
    });
    secret.decrypt(kept);
    expect(evaluator.live).toBe(3);
    evaluator.dispose(a, b, kept);
    expect(evaluator.live).toBe(0);
    expect(integers.live).toBe(0);
    expect(() => secret.decrypt(kept)).toThrow(/disposed/);
  });

  it('is told in slots of its own, fewer than the scheme has', () => {
    const { evaluator, secret } = party();
    const x = row(1, 2, 3, 4, -1, -2, -3, -4);
    const rotated = secret.decrypt(evaluator.rotate(secret.encrypt({ re: x }, 6), -3)).re;
    expect(Array.from(rotated)).toEqual([-2, -3, -4, 1, 2, 3, 4, -1]);
    expect(() => party(undefined, { slots: 32 })).toThrow(RangeError);
    expect(() => party(undefined, { slots: 6 })).toThrow(RangeError);
  });

  it('refuses to seal what is larger than fresh slots may be', () => {
    const { secret } = party();
    expect(() => secret.encrypt({ re: row(4.01) }, 6)).toThrow(HermeticError);
    expect(() => secret.encrypt({ re: row(Number.NaN) }, 6)).toThrow(HermeticError);
  });
});

describe('the blinded refresh of fixed point', () => {
  it('brings scales back, and is off by a unit at most', () => {
    const { evaluator, secret, integers } = party((1n << 300n) + 1n);
    const x = row(1, -1.25, 0.3, -3.99, 2, 0, 3.3, -0.001);
    const a = secret.encrypt({ re: x, im: x }, 6);
    const one = secret.encrypt({ re: row(1) }, 6);
    const grown = evaluator.scope(() => evaluator.rescale(evaluator.multiply(a, one)));
    const blinding = blindFixedPoint(evaluator, [grown, a]);
    const fresh = blinding.unblind(
      blinding.parts.map((part) => secret.renew(part)),
      5,
    );
    for (const ciphertext of fresh) {
      expect(ciphertext.level).toBe(5);
      expect(ciphertext.scale).toBe(2 ** 16);
      const { re, im } = secret.decrypt(ciphertext);
      x.forEach((value, i) => {
        expect(Math.abs(re[i] - value)).toBeLessThanOrEqual(2 * 2 ** -16);
        expect(Math.abs(im[i] - value)).toBeLessThanOrEqual(2 * 2 ** -16);
      });
    }
    evaluator.dispose(a, one, grown, ...fresh);
    expect(integers.live).toBe(0);
  });

  it('shows the owner nothing but masks', () => {
    const { evaluator, secret, integers } = party((1n << 200n) + 1n);
    const a = secret.encrypt({ re: row(3) }, 6);
    const width = OPTIONS.freshBound * 2 ** (OPTIONS.logScale + MASK_BITS);
    const seen = Array.from({ length: 50 }, () => {
      const { parts } = blindFixedPoint(evaluator, [a]);
      return integers.decrypt(parts[0].masked).map((integer) => Number(integer) / width);
    }).flat();
    const mean = seen.reduce((sum, x) => sum + x, 0) / seen.length;
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...seen)).toBeLessThan(1.001);
    // 400 draws (the scheme's 16 slots repeat 8): 6 standard deviations.
    expect(Math.abs(mean - 0.5)).toBeLessThan((6 * Math.sqrt(1 / 12)) / Math.sqrt(400));
  });

  it('is refused where the masks do not fit, and right where they just do', () => {
    // Slots up to 2^(2 + 16), masks 2^40 times as wide.
    const refused = party((1n << 59n) + 1n);
    const small = refused.secret.encrypt({ re: row(1) }, 6);
    expect(() => blindFixedPoint(refused.evaluator, [small])).toThrow(/no room for the masks/);
    const { evaluator, secret } = party((1n << 60n) + 1n);
    const x = row(4, -4, 1, 0);
    const a = secret.encrypt({ re: x }, 6);
    for (let i = 0; i < 20; i++) {
      const blinding = blindFixedPoint(evaluator, [a]);
      const [b] = blinding.unblind(
        blinding.parts.map((part) => secret.renew(part)),
        6,
      );
      expect([...secret.decrypt(b).re.slice(0, 4)]).toEqual([...x]);
    }
  });
});
