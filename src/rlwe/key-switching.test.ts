import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PrimeContext } from '../kernels/prime-context.ts';
import { createEngine } from '../kernels/wasm-executor.ts';
import {
  add,
  automorphism,
  divideByLast,
  multiplyMontgomery,
  type Poly,
  subtract,
  toCoefficients,
  toMontgomery,
  truncate,
} from '../ring/poly.ts';
import { dot28Primes } from '../ring/primes.ts';
import { uniformPoly } from '../ring/sampler.ts';
import { RlweContext } from './context.ts';
import { type Decomposition, KeySwitcher } from './key-switching.ts';
import type { SwitchingKey } from './keys.ts';
import { generateEvaluationKeys, generateGaloisKey, generateSwitchingKey } from './secret/key-generation.ts';
import { SecretKey } from './secret/secret-key.ts';

const LOG_N = 9;
const N = 1 << LOG_N;
/** Seven limbs in digits of three: the last digit is short. */
const [LIMBS, SPECIAL] = [7, 3];

let context: RlweContext;
let switcher: KeySwitcher;
let secret: SecretKey;
let other: SecretKey;
let key: SwitchingKey;

beforeAll(async () => {
  const candidates = dot28Primes(LOG_N);
  context = new RlweContext(await createEngine({ threads: 2 }), {
    logN: LOG_N,
    primes: candidates.slice(SPECIAL, SPECIAL + LIMBS),
    specialPrimes: candidates.slice(0, SPECIAL),
    baseLimbs: 2,
  });
  switcher = new KeySwitcher(context);
  secret = SecretKey.generate(context);
  other = SecretKey.generate(context);
  key = generateSwitchingKey(context, other.plain, secret.montgomery);
});
afterAll(() => context.engine.dispose());

const uniform = (limbs: number, seed: number): Poly<'ntt'> =>
  uniformPoly(context.ring, context.indicesAt(limbs - context.baseLimbs), new Uint8Array(32).fill(seed));

/** Coefficients as centred integers. */
function integers(a: Poly<'ntt'>): Float64Array {
  const digits = context.base.digits(toCoefficients(truncate(a, context.baseLimbs)));
  return context.base.toDoubles(digits, 1);
}

const largest = (x: Float64Array): number => x.reduce((most, v) => Math.max(most, Math.abs(v)), 0);

/** Three digits of three limbs: a standard deviation of 64 by the formula of test/noise.test.ts; seven times that. */
const NOISE = 7 * 64;

describe('key switching', () => {
  it('takes c·s′ to u + v·s at every number of limbs', () => {
    for (let limbs = 2; limbs <= LIMBS; limbs++) {
      const c = uniform(limbs, limbs);
      const [u, v] = switcher.switch(c, key);
      const noise = subtract(add(u, multiplyMontgomery(v, secret.montgomery)), multiplyMontgomery(c, other.montgomery));
      expect(u.limbCount).toBe(limbs);
      expect(largest(integers(noise))).toBeLessThan(NOISE);
      expect(largest(integers(noise))).toBeGreaterThan(0);
    }
  });

  it('under the wrong key the result is uniform', () => {
    const c = uniform(LIMBS, 1);
    const [u, v] = switcher.switch(c, key);
    const wrong = subtract(add(u, multiplyMontgomery(v, other.montgomery)), multiplyMontgomery(c, other.montgomery));
    expect(largest(integers(wrong))).toBeGreaterThan(2 ** 50);
  });

  it('a digit’s own limbs are those of the source itself', () => {
    const c = uniform(LIMBS, 9);
    const decomposition = switcher.decompose(c);
    expect(decomposition.digits.length).toBe(Math.ceil(LIMBS / SPECIAL));
    for (let j = 0; j < LIMBS; j++) {
      const own = decomposition.digits[Math.floor(j / SPECIAL)]?.[j];
      expect(own).toBe(c.limb(j));
    }
    decomposition.dispose();
  });

  it('a lifted digit is the same small integer modulo every prime: |digit| ≤ α/2·D', () => {
    const c = uniform(LIMBS, 10);
    const decomposition = switcher.decompose(c);
    const extended = context.extendedIndices(LIMBS);
    const D = context.ring.primes.slice(0, SPECIAL).reduce((product, p) => product * BigInt(p.p), 1n);
    // The first digit, from its own limbs and one more: together they determine the integer.
    const coefficients = (limb: number): Uint32Array => coefficientsOf(decomposition, 0, limb, extended);
    const own = Array.from({ length: SPECIAL }, (_, j) => coefficients(j));
    for (const at of [SPECIAL, LIMBS - 1, LIMBS, extended.length - 1]) {
      const p = BigInt((context.ring.primes[extended[at] as number] as PrimeContext).p);
      const lifted = coefficients(at);
      for (let i = 0; i < N; i += 37) {
        const x = crt(own.map((limb) => limb[i] as number));
        const multiples = [-2n, -1n, 0n, 1n, 2n].filter((v) => mod(x + v * D, p) === BigInt(lifted[i] as number));
        expect(multiples.length).toBe(1);
      }
    }
    decomposition.dispose();
  });

  it('one decomposition serves many keys, bit for bit as if each had its own', () => {
    const c = uniform(LIMBS, 3);
    const keys = [5, 25, 2 * N - 1].map((g) => generateGaloisKey(context, secret, g));
    const shared = switcher.decompose(c);
    for (const galois of keys) {
      const hoisted = switcher.dividePair(switcher.multiply(shared, galois));
      const alone = switcher.switch(c, galois);
      for (const half of [0, 1] as const) {
        for (let j = 0; j < LIMBS; j++) expect(hoisted[half].read(j)).toEqual(alone[half].read(j));
      }
    }
    shared.dispose();
  });

  it('adds what is given, then applies the automorphism', () => {
    const [c, plus] = [uniform(LIMBS, 4), uniform(LIMBS, 5)];
    const [u, v] = switcher.switch(c, key);
    const decomposition = switcher.decompose(c);
    const [x, y] = switcher.dividePair(switcher.multiply(decomposition, key), { plus: [plus], galois: 5 });
    decomposition.dispose();
    const expected = [automorphism(add(u, plus), 5), automorphism(v, 5)];
    for (let j = 0; j < LIMBS; j++) {
      expect(x.read(j)).toEqual((expected[0] as Poly<'ntt'>).read(j));
      expect(y.read(j)).toEqual((expected[1] as Poly<'ntt'>).read(j));
    }
  });

  it('divides by P and the top limbs at once, as by P and then limb by limb', () => {
    const c = uniform(LIMBS, 8);
    const decomposition = switcher.decompose(c);
    const [u, v] = switcher.dividePair(switcher.multiply(decomposition, key), { drop: 2 });
    const [a, b] = switcher.dividePair(switcher.multiply(decomposition, key));
    decomposition.dispose();
    const stepwise = [a, b].map((poly) => divideByLast(divideByLast(poly)));
    expect([u.limbCount, v.limbCount]).toEqual([LIMBS - 2, LIMBS - 2]);
    [u, v].forEach((poly, half) => {
      // Three roundings more, of a half each.
      expect(largest(integers(subtract(poly, stepwise[half] as Poly<'ntt'>)))).toBeLessThanOrEqual(LIMBS);
    });
  });

  it('adds P·c under the sum, rotates the product, and divides P away again', () => {
    const [c, plus] = [uniform(LIMBS, 4), uniform(LIMBS, 5)];
    const galois = generateGaloisKey(context, secret, 25);
    const decomposition = switcher.decompose(c);
    const rotated = switcher.multiplyRotated(decomposition, galois, 25, switcher.timesSpecial(plus));
    const [x, y] = switcher.dividePair(rotated);
    const [u, v] = switcher.dividePair(switcher.multiply(decomposition, galois), { plus: [plus], galois: 25 });
    const summed = switcher.multiply(decomposition, galois);
    switcher.addTimesSpecial(summed, [plus, plus]);
    const [s] = switcher.dividePair(summed, { galois: 25 });
    decomposition.dispose();
    for (let j = 0; j < LIMBS; j++) {
      expect(x.read(j)).toEqual(u.read(j));
      expect(y.read(j)).toEqual(v.read(j));
      expect(s.read(j)).toEqual(u.read(j));
    }
  });

  it('a gadget of fewer limbs and other special primes has keys of its own', () => {
    const gadget = { limbs: 3, digitLimbs: 1, special: [LIMBS, LIMBS + 1] };
    const small = new KeySwitcher(context, gadget);
    const smallKey = generateSwitchingKey(context, other.plain, secret.montgomery, { gadget });
    expect(smallKey.digits.map(({ b }) => b.limbCount)).toEqual([5, 5, 5]);
    const c = uniform(3, 11);
    const [u, v] = small.switch(c, smallKey);
    const noise = subtract(add(u, multiplyMontgomery(v, secret.montgomery)), multiplyMontgomery(c, other.montgomery));
    expect(largest(integers(noise))).toBeLessThan(NOISE);
  });

  it('relinearisation keys take s², Galois keys s under the automorphism', () => {
    const needs = { rotations: [3, 0], conjugation: true, relinearization: true };
    const steps: [number, number][] = [];
    const keys = generateEvaluationKeys(context, secret, needs, (done, total) => steps.push([done, total]));
    expect(steps.at(-1)).toEqual([3, 3]);
    const { ring } = context;
    const g = ring.galoisElement(3);
    expect([...keys.galois.keys()]).toEqual([g, 2 * N - 1]);
    const c = uniform(LIMBS, 6);
    const square = toMontgomery(multiplyMontgomery(secret.plain, secret.montgomery));
    const [u, v] = switcher.switch(c, keys.relinearization as SwitchingKey);
    const relinearised = add(u, multiplyMontgomery(v, secret.montgomery));
    expect(largest(integers(subtract(relinearised, multiplyMontgomery(c, square))))).toBeLessThan(NOISE);
    for (const [element, galois] of keys.galois) {
      const [a, b] = switcher.switch(c, galois).map((poly) => automorphism(poly, element)) as [
        Poly<'ntt'>,
        Poly<'ntt'>,
      ];
      const rotated = add(a, multiplyMontgomery(b, secret.montgomery));
      const wanted = automorphism(multiplyMontgomery(c, secret.montgomery), element);
      expect(largest(integers(subtract(rotated, wanted)))).toBeLessThan(NOISE);
    }
  });

  it('leaks no memory', () => {
    const c = uniform(LIMBS, 7);
    const work = (): void => {
      for (const poly of switcher.switch(c, key)) poly.dispose();
    };
    work();
    const before = context.engine.heap.bytesInUse;
    work();
    expect(context.engine.heap.bytesInUse).toBe(before);
  });
});

const mod = (x: bigint, p: bigint): bigint => ((x % p) + p) % p;

/** Coefficients of digit d at one of the extended limbs. */
function coefficientsOf(
  decomposition: Decomposition,
  d: number,
  limb: number,
  extended: readonly number[],
): Uint32Array {
  const { ring, engine } = context;
  const poly = ring.allocate('ntt', [extended[limb] as number]);
  engine.copy(poly.limb(0), (decomposition.digits[d] as readonly (typeof poly.limbs)[number][])[limb]!, 4 * N);
  engine.flush();
  return toCoefficients(poly).read(0);
}

/** The centred integer with these residues modulo the first primes. */
function crt(residues: readonly number[]): bigint {
  const primes = context.ring.primes.slice(0, residues.length).map(({ p }) => BigInt(p));
  const Q = primes.reduce((a, b) => a * b, 1n);
  let x = 0n;
  primes.forEach((p, j) => {
    const others = Q / p;
    let inverse = 1n;
    for (let e = p - 2n, square = others % p; e > 0n; e >>= 1n, square = (square * square) % p) {
      if (e & 1n) inverse = (inverse * square) % p;
    }
    x += BigInt(residues[j] as number) * inverse * others;
  });
  x %= Q;
  return x > Q / 2n ? x - Q : x;
}
