import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import { modBigint } from '../../kernels/arithmetic.ts';
import { generateEvaluationKeys } from '../../rlwe/secret/key-generation.ts';
import { SecretKey } from '../../rlwe/secret/secret-key.ts';
import { ChainEvaluator } from './chain-evaluator.ts';
import { Ciphertext } from './ciphertext.ts';
import { CkksContext } from './context.ts';
import { insecureParameters } from './parameters.ts';
import { SecretScheme } from './secret/secret-scheme.ts';

const LEVELS = 7;
const LIMBS = 3 + LEVELS;
let context: CkksContext;
let owner: SecretScheme;
let evaluator: ChainEvaluator;

beforeAll(async () => {
  context = await CkksContext.create(await insecureParameters({ logN: 8, levels: LEVELS, special: 4 }), { threads: 1 });
  const key = SecretKey.generate(context);
  owner = new SecretScheme(context, key);
  const needs = { rotations: [1, -3, 64], conjugation: true, relinearization: true };
  const { relinearization, galois } = generateEvaluationKeys(context, key, needs);
  const keys = { relinearization: relinearization!, get: (g: number) => galois.get(g) };
  evaluator = new ChainEvaluator(context, context.keySwitcher, keys);
});
afterAll(() => context.dispose());

interface Slots {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

const SLOTS = 128;
const random = new SeededRandom(7);
const uniform = (): Float64Array => Float64Array.from({ length: SLOTS }, () => random.uniform(-0.7, 0.7));
const complex = (): Slots => ({ re: uniform(), im: uniform() });
const { sqrt } = Math;

/** Encrypted anew at any scale up to 2^50: the values are blown up, the scale is declared. */
function encrypt({ re, im }: Slots, scale: number, limbs = LIMBS): Ciphertext {
  const level = limbs - context.baseLimbs;
  const up = scale / context.scales[level]!;
  const { c0, c1 } = owner.encrypt({ re: re.map((x) => up * x), im: im.map((x) => up * x) }, level);
  return new Ciphertext(c0, c1, level, scale);
}

/** Largest error of a slot's parts. */
function errorOf(ciphertext: Ciphertext, wanted: Slots): number {
  const got = owner.decrypt(ciphertext);
  return got.re.reduce(
    (worst, x, i) => Math.max(worst, Math.abs(x - wanted.re[i]!), Math.abs(got.im[i]! - wanted.im[i]!)),
    0,
  );
}

const zip = (f: (x: number, y: number) => number, a: Float64Array, b: Float64Array) => a.map((x, i) => f(x, b[i]!));
const sum = (a: Slots, b: Slots): Slots => ({
  re: zip((x, y) => x + y, a.re, b.re),
  im: zip((x, y) => x + y, a.im, b.im),
});
const times = (k: number, { re, im }: Slots): Slots => ({ re: re.map((x) => k * x), im: im.map((x) => k * x) });
const product = (a: Slots, b: Slots): Slots => ({
  re: a.re.map((x, i) => x * b.re[i]! - a.im[i]! * b.im[i]!),
  im: a.re.map((x, i) => x * b.im[i]! + a.im[i]! * b.re[i]!),
});

/** Fresh errors, σ = 3.2 in N coefficients, are Gaussian in the slots: 11 standard deviations of a part. */
const fresh = (scale: number): number => (8 * 3.3 * sqrt(2 * SLOTS)) / scale;
/**
 * Standard deviations, of the part of a slot, that a product of two random polynomials never reaches. In a slot it is a
 * product of two complex Gaussians, and its parts fall off as exp(−√2·deviations) only.
 */
const PRODUCT = 24;
/** Deviation of the parts of slots, from that of the coefficients. */
const toSlot = sqrt(SLOTS);
/** A division rounds c0 by 1/12 and c1, times a key of 2N/3 units, by as much. */
const rounding = (scale: number): number => (PRODUCT * toSlot * sqrt((1 + (4 * SLOTS) / 3) / 12)) / scale;
/**
 * A switch of keys: errors of its key times digits, which P is only just as large as, each the sum of as many uniform
 * rests as it has limbs; then the division by P.
 */
const switching = (scale: number, limbs: number): number =>
  (PRODUCT * toSlot * 3.3 * sqrt((2 * SLOTS * limbs) / 12)) / scale + rounding(scale);
/** The top primes' product: what a rescaling divides by. */
const top = (limbs: number, drop: number): number =>
  context.parameters.primes.slice(limbs - drop, limbs).reduce((all, p) => all * p, 1);

const residues = ({ c0, c1 }: Ciphertext): Uint32Array[] =>
  [c0, c1].flatMap((poly) => poly.limbs.map((_, j) => poly.read(j)));

describe('sums', () => {
  it('adds and subtracts at any scale, and keeps it', () => {
    for (const scale of [2 ** 28, 2 ** 39.3, 2 ** 50]) {
      const [x, y] = [complex(), complex()];
      const [a, b] = [encrypt(x, scale, 6), encrypt(y, scale, 6)];
      const [plus, minus] = [evaluator.add(a, b), evaluator.subtract(a, b)];
      expect(errorOf(plus, sum(x, y))).toBeLessThan(2 * fresh(scale));
      expect(errorOf(minus, sum(x, times(-1, y)))).toBeLessThan(2 * fresh(scale));
      for (const c of [plus, minus])
        expect([c.c0.limbCount, c.c1.limbCount, c.level, c.scale]).toEqual([6, 6, 3, scale]);
    }
  });

  it('refuses operands of other scales or limbs, however near', () => {
    const x = complex();
    const a = encrypt(x, 2 ** 40, 6);
    const declared = (factor: number) => new Ciphertext(a.c0, a.c1, a.level, a.scale * factor);
    const refused = expect.objectContaining({ name: 'HermeticError', code: 'BAD_ARGUMENT' });
    for (const b of [declared(2), declared(1 + 2 ** -29), declared(1 - 2 ** -29), encrypt(x, 2 ** 40, 5)]) {
      expect(() => evaluator.add(a, b)).toThrow(refused);
      expect(() => evaluator.subtract(b, a)).toThrow(refused);
    }
    expect(() => evaluator.add(a, declared(1 + 2 ** -31))).not.toThrow();
    expect(() => evaluator.add(a, declared(1.01))).toThrow(/6 limbs at 2\^40\.000000.*6 limbs at 2\^40\.014355/);
  });

  it('adds a constant as the nearest integer to constant·scale, beyond 2^55, in c0 alone', () => {
    for (const [scale, constants] of [
      [2 ** 28, [1, -1, 0.3, -(2 ** 27), 2 ** 20 / 3]],
      [2 ** 50, [1, -1, 1e-9, -31.999, 2 ** 5.5]],
      [2 ** 54.97, [1, -1, Math.PI]],
    ] as const) {
      const a = new Ciphertext(...pair(encrypt(complex(), 2 ** 50, 5)), 2, scale);
      for (const constant of constants) {
        const out = evaluator.addConstant(a, constant);
        const integer = BigInt(Math.round(constant * scale));
        expect(out.scale).toBe(scale);
        out.c0.limbs.forEach((_, j) => {
          const { p } = out.c0.prime(j);
          const before = a.c0.read(j);
          expect(out.c0.read(j)).toEqual(before.map((x) => (x + modBigint(integer, p)) % p));
          expect(out.c1.read(j)).toEqual(a.c1.read(j));
        });
      }
    }
    const x = complex();
    const shifted = evaluator.addConstant(encrypt(x, 2 ** 50), -0.25 / 12.5);
    expect(errorOf(shifted, { re: x.re.map((v) => v - 0.02), im: x.im })).toBeLessThan(fresh(2 ** 50));
  });

  it('combines terms of different scales and limbs under one scale, to the shortest', () => {
    const [x, y, z] = [complex(), complex(), complex()];
    const [a, b, c] = [encrypt(x, 2 ** 40, 8), encrypt(y, 2 ** 45, 5), encrypt(z, 2 ** 48, 6)];
    const scale = 2 ** 60;
    const wanted = sum(times(0.5, x), sum(times(-3, y), times(2 ** -12, z)));
    const terms = [
      { x: a, factor: 1n << 19n },
      { x: b, factor: -3n << 15n },
      { x: c, factor: 1n },
    ];
    const out = evaluator.combine(terms, scale);
    expect([out.c0.limbCount, out.level, out.scale]).toEqual([5, 2, scale]);
    const bound = 0.5 * fresh(2 ** 40) + 3 * fresh(2 ** 45) + 2 ** -12 * fresh(2 ** 48);
    expect(errorOf(out, wanted)).toBeLessThan(bound);
    expect(errorOf(evaluator.combine(terms.toReversed(), scale), wanted)).toBeLessThan(bound);
  });

  it('takes factors modulo each prime: those of any size, and Q more is nothing', () => {
    const modulus = context.parameters.primes.slice(0, 6).reduce((all, p) => all * BigInt(p), 1n);
    const a = encrypt(complex(), 2 ** 28, 6);
    const b = encrypt(complex(), 2 ** 28, 6);
    const combined = (f: bigint, g: bigint) =>
      residues(
        evaluator.combine(
          [
            { x: a, factor: f },
            { x: b, factor: g },
          ],
          2 ** 28,
        ),
      );
    const wanted = combined(-5n, 7n);
    expect(combined(modulus - 5n, 7n - 11n * modulus)).toEqual(wanted);
    expect(combined(modulus - 4n, 7n)).not.toEqual(wanted);
  });
});

const pair = ({ c0, c1 }: Ciphertext) => [c0, c1] as const;

describe('products', () => {
  it('multiply and divide by as many top primes as asked', () => {
    for (const [drop, scaleA, scaleB] of [
      [0, 2 ** 30, 2 ** 31],
      [1, 2 ** 40, 2 ** 40],
      [2, 2 ** 50, 2 ** 49],
      [3, 2 ** 50, 2 ** 50.5],
    ] as const) {
      const [x, y] = [complex(), complex()];
      const out = evaluator.multiply(encrypt(x, scaleA, 8), encrypt(y, scaleB, 7), drop);
      const scale = (scaleA * scaleB) / top(7, drop);
      expect([out.c0.limbCount, out.c1.limbCount, out.level]).toEqual([7 - drop, 7 - drop, 4 - drop]);
      expect(out.scale / scale).toBeCloseTo(1, 14);
      const bound = 2 * fresh(scaleA) + 2 * fresh(scaleB) + switching(scale, 7);
      expect(errorOf(out, product(x, y))).toBeLessThan(bound);
      expect(errorOf(out, product(y, y))).toBeGreaterThan(0.1);
    }
  });

  it('square, with the shorter operand on either side', () => {
    const [x, y] = [complex(), complex()];
    const [a, b] = [encrypt(x, 2 ** 50, 10), encrypt(y, 2 ** 50, 6)];
    for (const [left, right, limbs, wanted] of [
      [a, a, 10, product(x, x)],
      [a, b, 6, product(x, y)],
      [b, a, 6, product(x, y)],
    ] as const) {
      const out = evaluator.multiply(left, right, 2);
      expect([out.c0.limbCount, out.level]).toEqual([limbs - 2, limbs - 5]);
      expect(errorOf(out, wanted)).toBeLessThan(4 * fresh(2 ** 50) + switching(out.scale, limbs));
    }
  });

  it('with terms: a·b + Σ factor·x under one division', () => {
    const [x, y, u, v] = [complex(), complex(), complex(), complex()];
    const [a, b] = [encrypt(x, 2 ** 48, 7), encrypt(y, 2 ** 49, 7)];
    const terms = [
      { x: encrypt(u, 2 ** 50, 9), factor: -(1n << 47n) },
      { x: encrypt(v, 2 ** 44, 7), factor: 3n << 51n },
    ];
    const out = evaluator.multiply(a, b, 2, terms);
    const wanted = sum(product(x, y), sum(times(-1, u), times(0.75, v)));
    expect(out.scale / (2 ** 97 / top(7, 2))).toBeCloseTo(1, 14);
    const noise = 2 * fresh(2 ** 48) + 2 * fresh(2 ** 49) + fresh(2 ** 50) + 3 * fresh(2 ** 44);
    expect(errorOf(out, wanted)).toBeLessThan(noise + switching(out.scale, 7));
    // Term by term the same, but each divided by itself.
    const plain = evaluator.multiply(a, b, 2);
    const apart = evaluator.rescale(evaluator.combine(terms, plain.scale * top(7, 2)), 2);
    expect(errorOf(evaluator.add(plain, apart), owner.decrypt(out))).toBeLessThan(2 * switching(out.scale, 7));
  });
});

describe('rescaling and truncation', () => {
  it('divides by the top primes, one after the other', () => {
    const x = complex();
    const a = evaluator.combine([{ x: encrypt(x, 2 ** 50, 9), factor: 1n << 25n }], 2 ** 75);
    for (const drop of [0, 1, 2]) {
      const out = evaluator.rescale(a, drop);
      expect([out.c0.limbCount, out.c1.limbCount, out.level]).toEqual([9 - drop, 9 - drop, 6 - drop]);
      expect(out.scale / (2 ** 75 / top(9, drop))).toBeCloseTo(1, 14);
      expect(errorOf(out, x)).toBeLessThan(fresh(2 ** 50) + 1.1 * rounding(out.scale));
      // And not far below: the bound is that of a rounding.
      if (drop === 2) expect(errorOf(out, x)).toBeGreaterThan(rounding(out.scale) / 128);
    }
  });

  it('truncates without error: the same residues over fewer limbs', () => {
    const a = encrypt(complex(), 2 ** 40, 8);
    const out = evaluator.truncate(a, 4);
    expect([out.c0.limbCount, out.level, out.scale]).toEqual([4, 1, 2 ** 40]);
    expect(residues(out)).toEqual([...residues(a).slice(0, 4), ...residues(a).slice(8, 12)]);
  });
});

describe('automorphisms', () => {
  it('multiplies every slot by i: exactly, so that twice is a negation', () => {
    const x = complex();
    const a = encrypt(x, 2 ** 50);
    const once = evaluator.timesI(a);
    expect(errorOf(once, { re: times(-1, x).im, im: x.re })).toBeLessThan(fresh(2 ** 50));
    const zero = evaluator.add(evaluator.timesI(once), a);
    for (const limb of residues(zero)) expect(limb.every((word) => word === 0)).toBe(true);
  });

  it('conjugates, at several numbers of limbs', () => {
    for (const limbs of [3, 4, 7, LIMBS]) {
      const x = complex();
      const out = evaluator.conjugate(encrypt(x, 2 ** 45, limbs));
      expect([out.c0.limbCount, out.level, out.scale]).toEqual([limbs, limbs - 3, 2 ** 45]);
      expect(errorOf(out, { re: x.re, im: times(-1, x).im })).toBeLessThan(fresh(2 ** 45) + switching(2 ** 45, limbs));
    }
  });

  it('rotates: slot i of the result is slot i + steps', () => {
    for (const steps of [1, -3, 64]) {
      const x = complex();
      const moved = (part: Float64Array) => part.map((_, i) => part[(i + steps + SLOTS) % SLOTS]!);
      const out = evaluator.rotate(encrypt(x, 2 ** 45), steps);
      expect([out.c0.limbCount, out.level, out.scale]).toEqual([LIMBS, LEVELS, 2 ** 45]);
      expect(errorOf(out, { re: moved(x.re), im: moved(x.im) })).toBeLessThan(
        fresh(2 ** 45) + switching(2 ** 45, LIMBS),
      );
    }
  });

  it('names the key that is missing', () => {
    const a = encrypt(complex(), 2 ** 40);
    expect(() => evaluator.rotate(a, 2)).toThrow(RangeError);
    expect(() => evaluator.rotate(a, 2)).toThrow('the keys lack a rotation by 2');
    const none = new ChainEvaluator(context, context.keySwitcher, {
      relinearization: undefined!,
      get: () => undefined,
    });
    expect(() => none.conjugate(a)).toThrow('the keys lack a conjugation');
  });
});

it('keeps no memory but that of its results', () => {
  const a = encrypt(complex(), 2 ** 50, 8);
  const b = encrypt(complex(), 2 ** 50, 8);
  const term = { x: b, factor: 1n << 50n };
  const operations: Record<string, () => Ciphertext> = {
    add: () => evaluator.add(a, b),
    subtract: () => evaluator.subtract(a, b),
    addConstant: () => evaluator.addConstant(a, 1),
    timesI: () => evaluator.timesI(a),
    truncate: () => evaluator.truncate(a, 4),
    combine: () => evaluator.combine([term, { x: a, factor: 1n }], 2 ** 100),
    rescale: () => evaluator.rescale(a, 3),
    multiply: () => evaluator.multiply(a, b, 2, [term]),
    conjugate: () => evaluator.conjugate(a),
    rotate: () => evaluator.rotate(a, 1),
  };
  const { heap } = context.engine;
  for (const [name, operation] of Object.entries(operations)) {
    operation().dispose(); // tables that are made once
    const before = heap.bytesInUse;
    const result = operation();
    expect(heap.bytesInUse - before, name).toBe(2 * result.c0.limbCount * 4 * context.ring.N);
    result.dispose();
    expect(heap.bytesInUse, name).toBe(before);
  }
});
