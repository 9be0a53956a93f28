import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import type { GaloisKeys } from '../../rlwe/keys.ts';
import { generateEvaluationKeys, generateGaloisKey } from '../../rlwe/secret/key-generation.ts';
import { SecretKey } from '../../rlwe/secret/secret-key.ts';
import { Ciphertext } from './ciphertext.ts';
import { CkksContext } from './context.ts';
import { insecureParameters } from './parameters.ts';
import { SecretScheme } from './secret/secret-scheme.ts';
import { type DiagonalMatrix, rotationsOf, SlotTransform, type SlotTransformOptions } from './slot-transform.ts';

const LIMBS = 6;
const SLOTS = 64;
let context: CkksContext;
let owner: SecretScheme;
let keys: GaloisKeys;

beforeAll(async () => {
  context = await CkksContext.create(await insecureParameters({ logN: 7, levels: LIMBS - 3, special: 3 }), {
    threads: 1,
  });
  const key = SecretKey.generate(context);
  owner = new SecretScheme(context, key);
  const rotations = Array.from({ length: SLOTS - 1 }, (_, i) => i + 1);
  const { galois } = generateEvaluationKeys(context, key, { rotations, conjugation: false, relinearization: false });
  // Offsets may go round the slots: a full turn is a rotation like any other.
  const identity = generateGaloisKey(context, key, 1);
  keys = { get: (g) => (g === 1 ? identity : galois.get(g)) };
});
afterAll(() => context.dispose());

interface Slots {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

const random = new SeededRandom(5);
const uniform = (length: number): Float64Array => Float64Array.from({ length }, () => random.uniform(-0.7, 0.7));
const complex = (length: number): Slots => ({ re: uniform(length), im: uniform(length) });

interface Shape {
  readonly stride: number;
  readonly offsets: readonly number[];
  readonly period: number;
  readonly real: boolean;
}

function randomMatrix({ stride, offsets, period, real }: Shape): DiagonalMatrix {
  const diagonal = () => (real ? { re: uniform(period) } : complex(period));
  return { stride, diagonals: new Map(offsets.map((m) => [m, diagonal()])) };
}

/** y_i = Σ_m diagonal_m[i]·x_(i + stride·m): the definition. */
function product({ stride, diagonals }: DiagonalMatrix, { re, im }: Slots): Slots {
  const n = re.length;
  const y = { re: new Float64Array(n), im: new Float64Array(n) };
  for (const [m, d] of diagonals) {
    for (let i = 0; i < n; i++) {
      const j = (((i + stride * m) % n) + n) % n;
      const [a, b] = [d.re[i % d.re.length]!, d.im?.[i % d.re.length] ?? 0];
      y.re[i]! += a * re[j]! - b * im[j]!;
      y.im[i]! += a * im[j]! + b * re[j]!;
    }
  }
  return y;
}

const distance = (a: Slots, b: Slots): number =>
  a.re.reduce((worst, x, i) => Math.max(worst, Math.abs(x - b.re[i]!), Math.abs(a.im[i]! - b.im[i]!)), 0);

/** At 2^45: the slots are blown up, the scale is declared. */
function encrypt(limbs: number): Ciphertext {
  const [level, scale] = [limbs - context.baseLimbs, 2 ** 45];
  const { re, im } = complex(context.slots);
  const up = scale / context.scales[level]!;
  const { c0, c1 } = owner.encrypt({ re: re.map((x) => up * x), im: im.map((x) => up * x) }, level);
  return new Ciphertext(c0, c1, level, scale);
}

/** Applies the matrix and compares with the clear product of what the input decrypts to. */
function expectProduct(matrix: DiagonalMatrix, options: SlotTransformOptions): void {
  const { limbs, drop, scale } = options;
  const a = encrypt(limbs);
  const transform = new SlotTransform(context, context.keySwitcher, matrix, options);
  const out = transform.apply(a, keys);
  const divisor = context.parameters.primes.slice(limbs - drop, limbs).reduce((all, p) => all * p, 1);
  expect([out.c0.limbCount, out.c1.limbCount, out.level]).toEqual([limbs - drop, limbs - drop, a.level - drop]);
  expect(out.scale / ((a.scale * scale) / divisor)).toBeCloseTo(1, 14);
  const N = 2 * context.slots;
  // Rounding of the result; of each plaintext; noise of the keys, of which a digit of three limbs is as long as P.
  const bound = N * (4 / out.scale + matrix.diagonals.size * (0.5 / scale + 4 / a.scale));
  expect(distance(owner.decrypt(out), product(matrix, owner.decrypt(a)))).toBeLessThan(bound);
  for (const c of [a, out]) c.dispose();
  transform.dispose();
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('SlotTransform', () => {
  it('is the matrix: random strides, offsets of both signs, babies, periods, limbs and rescalings', () => {
    const cases = fc.record({
      logStride: fc.integer({ min: 0, max: 5 }),
      offsets: fc.uniqueArray(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 12 }),
      logPeriod: fc.integer({ min: 0, max: 6 }),
      real: fc.boolean(),
      logBabies: fc.integer({ min: 0, max: 3 }),
      limbs: fc.integer({ min: 3, max: LIMBS }),
      drop: fc.integer({ min: 0, max: 2 }),
    });
    const property = fc.property(cases, ({ logStride, offsets, logPeriod, real, logBabies, limbs, drop }) => {
      const matrix = randomMatrix({ stride: 2 ** logStride, offsets, period: 2 ** logPeriod, real });
      const scale = [2 ** 30, 2 ** 35, 2 ** 50][drop]!;
      expectProduct(matrix, { babies: 2 ** logBabies, limbs: Math.max(limbs, 3 + drop), drop, scale });
    });
    fc.assert(property, { numRuns: 50 });
  });

  it('the identity, a rotation, and more sums than stand at a time', () => {
    const one = { re: new Float64Array([1]) };
    const options = { babies: 2, limbs: 5, drop: 1, scale: 2 ** 40 };
    for (const m of [0, 1, 2, 5, -1, -6]) expectProduct({ stride: 1, diagonals: new Map([[m, one]]) }, options);
    const all = randomMatrix({ stride: 1, offsets: range(0, 63), period: 64, real: false });
    for (const babies of [1, 2, 8, 64]) expectProduct(all, { ...options, babies });
  });

  it('takes the noise of its keys from the babies alone: giants turn sums of the plaintexts’ scale more', () => {
    const matrix = randomMatrix({ stride: 2, offsets: range(-7, 7), period: 32, real: false });
    const a = encrypt(5);
    const wanted = product(matrix, owner.decrypt(a));
    const errors = [1, 2, 4, 8].map((babies) => {
      const options = { babies, limbs: 5, drop: 1, scale: 2 ** 45 };
      const transform = new SlotTransform(context, context.keySwitcher, matrix, options);
      return distance(owner.decrypt(transform.apply(a, keys)), wanted);
    });
    expect(errors[0]).toBeLessThan(2 ** -39);
    for (const error of errors.slice(1)) expect(error).toBeLessThan(2 ** -33);
  });

  it('asks for the keys that rotationsOf names, and for no others', () => {
    for (const [offsets, babies] of [
      [range(-15, 15), 8],
      [range(0, 7), 4],
      [range(-3, 3), 4],
      [range(-3, 3), 7],
      [range(0, 15), 1],
      [range(-7, 8), 16],
    ] as const) {
      for (const stride of [1, 2]) {
        const matrix = randomMatrix({ stride, offsets, period: 64, real: true });
        const asked = new Set<number>();
        const watched: GaloisKeys = {
          get: (g) => {
            asked.add(g);
            return keys.get(g);
          },
        };
        const options = { babies, limbs: 4, drop: 1, scale: 2 ** 30 };
        new SlotTransform(context, context.keySwitcher, matrix, options).apply(encrypt(4), watched);
        const steps = rotationsOf(matrix, babies);
        expect(asked).toEqual(new Set(steps.map((s) => context.ring.galoisElement(s))));
        expect(steps).not.toContain(0);
        expect(new Set(steps).size).toBe(steps.length);
        const giants = new Set(offsets.map((m) => Math.floor(m / babies)).filter((giant) => giant !== 0));
        expect(steps.length).toBeLessThanOrEqual(babies - 1 + giants.size);
      }
    }
  });

  it('RangeError for other limbs, and for a missing key, which it names', () => {
    const matrix = randomMatrix({ stride: 4, offsets: range(-3, 3), period: 16, real: false });
    const options = { babies: 4, limbs: 5, drop: 1, scale: 2 ** 40 };
    const transform = new SlotTransform(context, context.keySwitcher, matrix, options);
    for (const limbs of [4, 6]) {
      expect(() => transform.apply(encrypt(limbs), keys)).toThrow(RangeError);
      expect(() => transform.apply(encrypt(limbs), keys)).toThrow(`expected 5 limbs, got ${limbs}`);
    }
    const without = (steps: number): GaloisKeys => ({
      get: (g) => (g === context.ring.galoisElement(steps) ? undefined : keys.get(g)),
    });
    const a = encrypt(5);
    for (const steps of rotationsOf(matrix, 4)) {
      expect(() => transform.apply(a, without(steps))).toThrow(RangeError);
      expect(() => transform.apply(a, without(steps))).toThrow(`the keys lack a rotation by ${steps}`);
    }
    expect(() => transform.apply(a, without(7))).not.toThrow();
  });

  it('BAD_DATA for entries that do not fit at the scale', () => {
    const matrix: DiagonalMatrix = { stride: 1, diagonals: new Map([[0, { re: new Float64Array([3]) }]]) };
    const build = (scale: number) =>
      new SlotTransform(context, context.keySwitcher, matrix, { babies: 1, limbs: 5, drop: 1, scale });
    expect(() => build(2 ** 51)).toThrow(expect.objectContaining({ name: 'HermeticError', code: 'BAD_DATA' }));
    expect(() => build(2 ** 50)).not.toThrow();
  });

  it('keeps no memory but its plaintexts, and after dispose none', () => {
    const matrix = randomMatrix({ stride: 2, offsets: range(-7, 7), period: 32, real: false });
    const { heap } = context.engine;
    const a = encrypt(5);
    const build = () =>
      new SlotTransform(context, context.keySwitcher, matrix, { babies: 4, limbs: 5, drop: 1, scale: 2 ** 40 });
    const first = build();
    first.apply(a, keys).dispose(); // tables that are made once
    first.dispose();
    const empty = heap.bytesInUse;
    const transform = build();
    const built = heap.bytesInUse;
    transform.apply(a, keys).dispose();
    expect(heap.bytesInUse).toBe(built);
    transform.dispose();
    expect(heap.bytesInUse).toBe(empty);
    expect(built).toBeGreaterThan(empty);
  });
});

it('a ring of several tasks, on two threads', async () => {
  const parameters = await insecureParameters({ logN: 12, levels: 2, special: 2 });
  const large = await CkksContext.create(parameters, { threads: 2 });
  const key = SecretKey.generate(large);
  const scheme = new SecretScheme(large, key);
  const matrix = randomMatrix({ stride: 8, offsets: range(-9, 9), period: 256, real: false });
  const needs = { rotations: rotationsOf(matrix, 4), conjugation: false, relinearization: false };
  const { galois } = generateEvaluationKeys(large, key, needs);
  const a = scheme.encrypt(complex(2048), 2);
  const options = { babies: 4, limbs: 5, drop: 1, scale: 2 ** 30 };
  const out = new SlotTransform(large, large.keySwitcher, matrix, options).apply(a, galois);
  expect(distance(scheme.decrypt(out), product(matrix, scheme.decrypt(a)))).toBeLessThan(2 ** -10);
  large.dispose();
});
