import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../base/seeded-random.ts';
import type { Engine } from '../kernels/engine.ts';
import { createEngine } from '../kernels/wasm-executor.ts';
import { BaseConverter } from './base-converter.ts';
import { divideByTop } from './division.ts';
import {
  add,
  automorphism,
  divideByLast,
  firstIndices,
  multiplyByI,
  multiplyInteger,
  multiplyMontgomery,
  negate,
  type Poly,
  subtract,
  toCoefficients,
  toMontgomery,
  toNtt,
  truncate,
} from './poly.ts';
import { dot28Primes } from './primes.ts';
import { Ring } from './ring.ts';

const LOG_N = 7;
const N = 1 << LOG_N;
const LIMBS = 3;
const primes = dot28Primes(LOG_N).slice(0, LIMBS);
let engine: Engine;
let ring: Ring;

beforeAll(async () => {
  engine = await createEngine({ threads: 1 });
  ring = new Ring(engine, LOG_N, primes);
});
afterAll(() => engine.dispose());

const random = new SeededRandom(11);
const residues = (): number[][] => primes.map((p) => Array.from({ length: N }, () => random.integer(p)));

function poly(limbs: readonly (readonly number[])[]): Poly<'coeff'> {
  const out = ring.allocate('coeff', firstIndices(limbs.length));
  limbs.forEach((limb, j) => out.write(j, Uint32Array.from(limb)));
  return out;
}

/** Coefficients of every limb. */
const read = (a: Poly<'ntt'>): number[][] => firstIndices(a.limbCount).map((j) => [...toCoefficients(a).read(j)]);
const each = (f: (limb: number, i: number, p: bigint) => bigint): number[][] =>
  primes.map((q, j) => Array.from({ length: N }, (_, i) => Number(modulo(f(j, i, BigInt(q)), BigInt(q)))));
const modulo = (x: bigint, p: bigint): bigint => ((x % p) + p) % p;

/** a·b in Z_p[X]/(X^N + 1), by the definition. */
function schoolbook(a: readonly number[], b: readonly number[], p: bigint): number[] {
  const sums = new Array<bigint>(N).fill(0n);
  for (let i = 0; i < N; i++) {
    for (let k = 0; k < N; k++) {
      const product = BigInt(a[i]!) * BigInt(b[k]!);
      sums[(i + k) % N]! += i + k < N ? product : -product;
    }
  }
  return sums.map((x) => Number(modulo(x, p)));
}

describe('polynomials in residue number system', () => {
  it('products are negacyclic products: schoolbook', () => {
    const [a, b] = [residues(), residues()];
    const product = multiplyMontgomery(toNtt(poly(a)), toMontgomery(toNtt(poly(b))));
    expect(read(product)).toEqual(primes.map((p, j) => schoolbook(a[j]!, b[j]!, BigInt(p))));
  });

  it('X^(N−1)·X = −1', () => {
    const monomial = (k: number): number[][] => primes.map(() => Array.from({ length: N }, (_, i) => +(i === k)));
    const product = multiplyMontgomery(toNtt(poly(monomial(N - 1))), toMontgomery(toNtt(poly(monomial(1)))));
    expect(read(product)).toEqual(primes.map((p) => Array.from({ length: N }, (_, i) => (i === 0 ? p - 1 : 0))));
  });

  it('sums, differences, negatives and integer multiples go coefficient by coefficient', () => {
    const [a, b] = [residues(), residues()];
    const [x, y] = [toNtt(poly(a)), toNtt(poly(b))];
    const [ca, cb] = [a, b].map((limbs) => (j: number, i: number) => BigInt(limbs[j]![i]!)) as [
      (j: number, i: number) => bigint,
      (j: number, i: number) => bigint,
    ];
    expect(read(add(x, y))).toEqual(each((j, i) => ca(j, i) + cb(j, i)));
    expect(read(subtract(x, y))).toEqual(each((j, i) => ca(j, i) - cb(j, i)));
    expect(read(negate(x))).toEqual(each((j, i) => -ca(j, i)));
    for (const constant of [0n, -1n, 12_345_678_901_234_567_890n]) {
      expect(read(multiplyInteger(x, constant))).toEqual(each((j, i) => constant * ca(j, i)));
    }
    expect(add(x, truncate(y, 2)).limbCount).toBe(2);
  });

  it('automorphisms permute coefficients: c_i moves to i·g mod 2N, with the sign of X^N = −1', () => {
    const a = residues();
    for (const g of [1, 5, 25, 2 * N - 1, 2 * N - 5, ring.galoisElement(-1), ring.galoisElement(9)]) {
      const expected = each(() => 0n);
      primes.forEach((p, j) => {
        for (let i = 0; i < N; i++) {
          const to = (i * g) % (2 * N);
          expected[j]![to % N] = to < N ? a[j]![i]! : (p - a[j]![i]!) % p;
        }
      });
      expect(read(automorphism(toNtt(poly(a)), g))).toEqual(expected);
    }
  });

  it('Galois elements compose as rotations do', () => {
    const slots = N / 2;
    expect(ring.galoisElement(slots)).toBe(1);
    expect((ring.galoisElement(7) * ring.galoisElement(-7)) % (2 * N)).toBe(1);
    expect(ring.galoisElement(12)).toBe((ring.galoisElement(5) * ring.galoisElement(7)) % (2 * N));
  });

  it('multiplication by i is multiplication by X^(N/2)', () => {
    const a = residues();
    const expected = each((j, i) => (i < N / 2 ? -BigInt(a[j]![i + N / 2]!) : BigInt(a[j]![i - N / 2]!)));
    expect(read(multiplyByI(toNtt(poly(a))))).toEqual(expected);
  });

  it('division by the last prime is (x − centred x mod q)/q, exactly', () => {
    const a = residues();
    const q = BigInt(primes[LIMBS - 1]!);
    const last = a[LIMBS - 1]!.map(BigInt).map((x) => (x > q / 2n ? x - q : x));
    const expected = primes.slice(0, -1).map((prime, j) => {
      const p = BigInt(prime);
      return a[j]!.map((x, i) => Number(modulo((BigInt(x) - last[i]!) * inverse(modulo(q, p), p), p)));
    });
    expect(read(divideByLast(toNtt(poly(a))))).toEqual(expected);
    expect(read(divideByTop(toNtt(poly(a)), 1, new BaseConverter(ring)))).toEqual(expected);
    expect(read(divideByTop(toNtt(poly(a)), 0, new BaseConverter(ring)))).toEqual(a);
  });

  it('division by the last two primes is one division by their product, rounded', () => {
    const a = residues();
    const converter = new BaseConverter(ring);
    const [once, twice] = [divideByTop(toNtt(poly(a)), 2, converter), divideByLast(divideByLast(toNtt(poly(a))))];
    const difference = read(subtract(once, twice));
    difference.forEach((limb, j) => {
      // The first of two roundings moves a quotient that is almost half an integer.
      for (const x of limb) expect([0, 1, primes[j]! - 1]).toContain(x);
    });
  });
});

function inverse(a: bigint, p: bigint): bigint {
  let result = 1n;
  for (let e = p - 2n, square = a; e > 0n; e >>= 1n, square = (square * square) % p) {
    if (e & 1n) result = (result * square) % p;
  }
  return result;
}

describe('memory of the ring', () => {
  it('a scope frees what it made, keeps what it returns, and cleans up after an error', () => {
    const make = (): Poly<'ntt'> => toNtt(poly(residues()));
    ring.scope(make, () => []);
    const before = engine.heap.bytesInUse;
    const kept = ring.scope(
      () => add(make(), make()),
      (x) => [x as never],
    );
    expect(kept.disposed).toBe(false);
    expect(engine.heap.bytesInUse).toBe(before + LIMBS * 4 * Math.max(N, 16));
    kept.dispose();
    kept.dispose();
    expect(engine.heap.bytesInUse).toBe(before);
    const failing = (): never => {
      make();
      throw new RangeError('on purpose');
    };
    expect(() => ring.scope(failing, () => [])).toThrow('on purpose');
    expect(engine.heap.bytesInUse).toBe(before);
  });
});
