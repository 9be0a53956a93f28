import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../base/seeded-random.ts';
import type { Engine } from '../kernels/engine.ts';
import { createTwinEngine } from '../kernels/twin/executor.ts';
import { createEngine } from '../kernels/wasm-executor.ts';
import { BaseConverter } from './base-converter.ts';
import { firstIndices, multiplyMontgomery, type Poly, toCoefficients, toMontgomery, toNtt } from './poly.ts';
import { dot28Primes } from './primes.ts';
import { Ring } from './ring.ts';
import { type ExtendedPoly, ScaledProduct } from './scaled-product.ts';

const LOG_N = 6;
const N = 1 << LOG_N;
const LIMBS = 5;
const candidates = dot28Primes(LOG_N);
const T = candidates.at(-1)!;
/** Q, then P, the larger primes. */
const primes = [...candidates.slice(LIMBS, 2 * LIMBS), ...candidates.slice(0, LIMBS)];
const auxiliary = firstIndices(LIMBS).map((i) => i + LIMBS);
const product = (indices: readonly number[]): bigint => indices.reduce((q, i) => q * BigInt(primes[i]!), 1n);
const modulo = (x: bigint, q: bigint): bigint => ((x % q) + q) % q;
const centred = (x: bigint, q: bigint): bigint => (modulo(x, q) > q / 2n ? modulo(x, q) - q : modulo(x, q));

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ threads: 2 });
});
afterAll(() => engine.dispose());

function randomBelow(random: SeededRandom, q: bigint): bigint {
  let x = 0n;
  for (let bits = 0; bits < q.toString(2).length + 28; bits += 28) x = (x << 28n) | BigInt(random.integer(2 ** 28));
  return x % q;
}

/** Coefficients modulo Q: the extreme ones first. */
function coefficients(seed: number, q: bigint): bigint[] {
  const random = new SeededRandom(seed);
  const extreme = [0n, 1n, q - 1n, q / 2n, q / 2n + 1n];
  return Array.from({ length: N }, (_, i) => extreme[i] ?? randomBelow(random, q));
}

function toPoly(ring: Ring, x: readonly bigint[], limbs: number): Poly<'ntt'> {
  const poly = ring.allocate('coeff', firstIndices(limbs));
  for (let j = 0; j < limbs; j++)
    poly.write(
      j,
      Uint32Array.from(x, (v) => Number(modulo(v, BigInt(primes[j]!)))),
    );
  return toNtt(poly);
}

/** The integers in [0, Π primes) of a polynomial. */
function integersOf(poly: Poly<'ntt'>): bigint[] {
  const q = product(poly.indices);
  const coeff = toCoefficients(poly);
  const limbs = poly.indices.map((index, j) => {
    const [p, residues] = [BigInt(primes[index]!), coeff.read(j)];
    const others = q / p;
    const unit = others * inverse(others, p);
    return Array.from(residues, (r) => BigInt(r) * unit);
  });
  return Array.from({ length: N }, (_, c) =>
    modulo(
      limbs.reduce((sum, limb) => sum + limb[c]!, 0n),
      q,
    ),
  );
}

function inverse(x: bigint, p: bigint): bigint {
  let [result, square] = [1n, x % p];
  for (let e = p - 2n; e > 0n; e >>= 1n, square = (square * square) % p) if (e & 1n) result = (result * square) % p;
  return result;
}

/** Schoolbook, negacyclic, over the integers. */
function schoolbook(a: readonly bigint[], b: readonly bigint[]): bigint[] {
  const out = new Array<bigint>(N).fill(0n);
  a.forEach((x, i) => {
    b.forEach((y, j) => {
      const k = (i + j) % N;
      out[k] = i + j < N ? out[k]! + x * y : out[k]! - x * y;
    });
  });
  return out;
}

function multiplyExtended(ring: Ring, indices: readonly number[], a: ExtendedPoly, b: ExtendedPoly): Poly<'ntt'> {
  const out = ring.allocate('ntt', indices);
  const halves = [
    multiplyMontgomery(a.main, toMontgomery(b.main)),
    multiplyMontgomery(a.auxiliary, toMontgomery(b.auxiliary)),
  ];
  halves.flatMap((half) => half.limbs).forEach((limb, j) => engine.copy(out.limb(j), limb, 4 * N));
  engine.flush();
  return out;
}

/** |x·denominator − numerator| ≤ (1/2 + 2^-9)·denominator: rounded, either way very near a half. */
function expectRounded(x: bigint, numerator: bigint, denominator: bigint): void {
  const error = x * denominator - numerator;
  expect(512n * (error < 0n ? -error : error) <= 257n * denominator).toBe(true);
}

for (const limbs of [1, 2, 3, 5]) {
  describe(`scaled products of ${limbs} limbs`, () => {
    const [Q, P] = [product(firstIndices(limbs)), product(auxiliary.slice(0, limbs))];
    const [a, b] = [coefficients(limbs, Q), coefficients(100 + limbs, Q)];
    const setUp = () => {
      const ring = new Ring(engine, LOG_N, primes);
      const scaled = new ScaledProduct(ring, new BaseConverter(ring), auxiliary);
      const [left] = scaled.extendLeft([toPoly(ring, a, limbs)]);
      const [right] = scaled.extendRight([toPoly(ring, b, limbs)]);
      return { ring, scaled, left: left!, right: right! };
    };

    it('the left factor is the centred integer modulo P', () => {
      const { left } = setUp();
      integersOf(left.auxiliary).forEach((x, c) => {
        // Within k·2^-13 of a half either representative may stand.
        const exact = modulo(x - a[c]!, Q) === 0n || x === modulo(centred(a[c]!, Q), P);
        const near = [a[c]!, a[c]! - Q].map((y) => modulo(y, P));
        expect(exact || near.includes(x)).toBe(true);
        if (c >= 5) expect(x).toBe(modulo(centred(a[c]!, Q), P));
      });
    });

    it('the right factor is one integer modulo Q and P, P/Q times b rounded', () => {
      const { right } = setUp();
      const inP = integersOf(right.auxiliary).map((x) => centred(x, P));
      integersOf(right.main).forEach((x, c) => {
        const lifts = [inP[c]!, inP[c]! - P, inP[c]! + P].filter((y) => modulo(y, Q) === x);
        expect(lifts.length).toBe(1);
        if (c >= 5) expectRounded(inP[c]!, centred(b[c]!, Q) * P, Q);
      });
    });

    it('divides the product by P/t, or with top limbs of Q: rounded exactly', () => {
      for (let drop = 0; drop < Math.min(limbs, 3); drop++) {
        const { ring, scaled, left, right } = setUp();
        const [inQ, inP] = [integersOf(left.main), integersOf(left.auxiliary)];
        // The very integers that the residues stand for, by Chinese remainders over Q·P.
        const lift = (main: readonly bigint[], auxiliary: readonly bigint[]): bigint[] =>
          main.map((x, c) => {
            const k = modulo((auxiliary[c]! - x) * bigInverse(Q, P), P);
            return centred(x + Q * k, Q * P);
          });
        const x = schoolbook(lift(inQ, inP), lift(integersOf(right.main), integersOf(right.auxiliary)));
        const indices = scaled.indices(limbs);
        const [quotient] = scaled.divide([multiplyExtended(ring, indices, left, right)], T, drop);
        const kept = product(firstIndices(limbs - drop));
        const divisor = (P * Q) / kept;
        integersOf(quotient!).forEach((y, c) => {
          // y is known modulo the limbs that stay; the rounded quotient is the nearest of that class.
          const wanted = (2n * BigInt(T) * x[c]! + divisor) / (2n * divisor);
          expectRounded(wanted + centred(y - wanted, kept), BigInt(T) * x[c]!, divisor);
        });
      }
    });
  });
}

function bigInverse(x: bigint, modulus: bigint): bigint {
  let [r0, r1, s0, s1] = [modulus, modulo(x, modulus), 0n, 1n];
  while (r1 > 0n) {
    const k = r0 / r1;
    [r0, r1, s0, s1] = [r1, r0 - k * r1, s1, s0 - k * s1];
  }
  return modulo(s0, modulus);
}

it('is the same on the bigint twin, residue by residue', () => {
  const run = (on: Engine): Uint32Array[] => {
    const ring = new Ring(on, LOG_N, primes);
    const scaled = new ScaledProduct(ring, new BaseConverter(ring), auxiliary);
    const Q = product(firstIndices(3));
    const [left] = scaled.extendLeft([toPoly(ring, coefficients(1, Q), 3)]);
    const [right] = scaled.extendRight([toPoly(ring, coefficients(2, Q), 3)]);
    const out = ring.allocate('ntt', scaled.indices(3));
    [left!.main, left!.auxiliary].flatMap((p) => p.limbs).forEach((limb, j) => on.copy(out.limb(j), limb, 4 * N));
    on.flush();
    const [quotient] = scaled.divide([out], T, 1);
    return [right!.main, right!.auxiliary, quotient!].flatMap((p) => p.limbs.map((_, j) => p.read(j)));
  };
  expect(run(engine)).toEqual(run(createTwinEngine()));
});
