import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../base/seeded-random.ts';
import { powMod } from '../kernels/arithmetic.ts';
import type { Engine } from '../kernels/engine.ts';
import { createEngine } from '../kernels/wasm-executor.ts';
import { BaseConverter } from '../ring/base-converter.ts';
import { automorphism, firstIndices, type Poly, toCoefficients, toNtt } from '../ring/poly.ts';
import { dot28Primes } from '../ring/primes.ts';
import { Ring } from '../ring/ring.ts';
import { BatchEncoder, type Plaintext } from './batch-encoder.ts';
import { PlaintextLift } from './plaintext-lift.ts';

const LOG_N = 8;
const N = 1 << LOG_N;
const SLOTS = N / 2;
const LIMBS = 4;
const candidates = dot28Primes(LOG_N);
/** Q, then two plaintext primes. */
const primes = [...candidates.slice(0, LIMBS), ...candidates.slice(-2)];
const PLAIN = [LIMBS, LIMBS + 1];
const Q = primes.slice(0, LIMBS).reduce((product, p) => product * BigInt(p), 1n);

let engine: Engine;
let ring: Ring;
let encoder: BatchEncoder;
let lift: PlaintextLift;

beforeAll(async () => {
  engine = await createEngine({ threads: 2 });
  ring = new Ring(engine, LOG_N, primes);
  encoder = new BatchEncoder(ring, PLAIN);
  lift = new PlaintextLift(ring, new BaseConverter(ring));
});
afterAll(() => engine.dispose());

const random = new SeededRandom(3);
const modulo = (x: bigint, q: bigint): bigint => ((x % q) + q) % q;
const centred = (x: bigint, q: bigint): bigint => (modulo(x, q) > q / 2n ? modulo(x, q) - q : modulo(x, q));
const vector = (length: number): bigint[] =>
  Array.from({ length }, () => BigInt(random.integer(2 ** 26)) * BigInt(random.integer(2 ** 26)) - (1n << 51n));

/** m(X) at a power of ψ, by the definition. */
function evaluateAt(coefficients: Uint32Array, exponent: number, p: number, psi: number): bigint {
  const x = BigInt(powMod(psi, exponent, p));
  return coefficients.reduceRight((sum, c) => (sum * x + BigInt(c)) % BigInt(p), 0n);
}

/** All N coefficients. */
function spread({ words, logSize }: Plaintext): Uint32Array {
  const all = new Uint32Array(N);
  const size = 2 ** logSize;
  words
    .read(0)
    .subarray(0, size)
    .forEach((x, k) => {
      all[(k * N) / size] = x;
    });
  return all;
}

/** The same polynomial, at full size. */
function whole(plain: Plaintext): Poly<'coeff'> {
  const poly = ring.allocate('coeff', plain.words.indices);
  poly.write(0, spread(plain));
  return poly;
}

describe('the encoder of slots', () => {
  it.each([SLOTS, 32, 4])('slot i is the value at ψ^(5^i) and at ψ^(−5^i), modulo each prime: %i values', (period) => {
    const values = vector(period);
    encoder.encode(values).forEach((plain) => {
      expect(2 ** plain.logSize).toBe(2 * Math.max(32, period));
      const { p, psi } = plain.words.prime(0);
      const coefficients = spread(plain);
      let power = 1;
      for (let i = 0; i < SLOTS; i++, power = (5 * power) % (2 * N)) {
        for (const exponent of [power, 2 * N - power]) {
          expect(evaluateAt(coefficients, exponent, p, psi)).toBe(modulo(values[i % period]!, BigInt(p)));
        }
      }
    });
  });

  it('decodes what it encodes, periodic vectors repeated', () => {
    for (const length of [SLOTS, 32, 8, 2, 1]) {
      const values = vector(length);
      const plains = encoder.encode(values).map(whole);
      const wanted = Array.from({ length: SLOTS }, (_, i) => values[i % length]);
      expect(encoder.decode(plains)).toEqual(wanted);
      expect(encoder.decode(plains, 5)).toEqual(wanted.slice(0, 5));
    }
    for (const length of [0, 3, N]) expect(() => encoder.encode(vector(length))).toThrow(RangeError);
  });

  it('X → X^(5^k) rotates all slots by k, cyclically', () => {
    const values = vector(SLOTS);
    for (const steps of [1, 7, -3, SLOTS / 2]) {
      const rotated = encoder
        .encode(values)
        .map((plain) => toCoefficients(automorphism(toNtt(whole(plain)), ring.galoisElement(steps))));
      expect(encoder.decode(rotated)).toEqual(values.map((_, i) => values[(i + steps + SLOTS) % SLOTS]));
    }
  });
});

/** The coefficients modulo Q, in [0, Q). */
function integers(poly: Poly<'ntt'>): bigint[] {
  const q = poly.indices.reduce((product, i) => product * BigInt(primes[i]!), 1n);
  const coefficients = toCoefficients(poly);
  const sums = new Array<bigint>(N).fill(0n);
  poly.indices.forEach((index, j) => {
    const p = primes[index]!;
    const others = q / BigInt(p);
    const unit = others * BigInt(powMod(Number(others % BigInt(p)), p - 2, p));
    coefficients.read(j).forEach((r, c) => {
      sums[c] = modulo(sums[c]! + BigInt(r) * unit, q);
    });
  });
  return sums;
}

describe('plaintexts modulo t as residues modulo Q', () => {
  const t = primes[LIMBS]!;
  const plain = (logSize = LOG_N): Plaintext => {
    const words = ring.allocate<'coeff'>('coeff', [LIMBS]);
    const extreme = [0, 1, t - 1, (t - 1) / 2, (t + 1) / 2];
    words.write(
      0,
      Uint32Array.from({ length: 2 ** logSize }, (_, i) => extreme[i] ?? random.integer(t)),
    );
    return { words, logSize };
  };

  it('are lifted centred, of any size', () => {
    for (let logSize = 6; logSize <= LOG_N; logSize++) {
      const m = plain(logSize);
      expect(integers(lift.lift(m, LIMBS))).toEqual(
        Array.from(spread(m), (x) => modulo(centred(BigInt(x), BigInt(t)), Q)),
      );
    }
  });

  it('are scaled by Q/t and rounded exactly, for every number of limbs', () => {
    for (let limbs = 1; limbs <= LIMBS; limbs++) {
      const m = plain(limbs % 2 === 0 ? LOG_N : 6);
      const q = primes.slice(0, limbs).reduce((product, p) => product * BigInt(p), 1n);
      const wanted = Array.from(spread(m), (x) => (2n * q * BigInt(x) + BigInt(t)) / (2n * BigInt(t)));
      expect(integers(lift.scale(m, limbs))).toEqual(wanted.map((x) => modulo(x, q)));
    }
  });

  it('are divided back exactly, with noise up to almost a half', () => {
    for (let limbs = 2; limbs <= LIMBS; limbs++) {
      const m = plain();
      const q = primes.slice(0, limbs).reduce((product, p) => product * BigInt(p), 1n);
      // q/(2t)·(1 − 2^-9) either way.
      const noise = ((q / (2n * BigInt(t))) * 511n) / 512n;
      const error = ring.allocate('coeff', firstIndices(limbs));
      const signs = Array.from({ length: N }, () => BigInt(random.integer(3) - 1));
      for (let j = 0; j < limbs; j++) {
        error.write(
          j,
          Uint32Array.from(signs, (sign) => Number(modulo(sign * noise, BigInt(primes[j]!)))),
        );
      }
      const noisy = lift.scale(m, limbs);
      const e = toNtt(error);
      noisy.limbs.forEach((limb, j) => engine.add(limb, limb, e.limb(j), N, noisy.prime(j)));
      engine.flush();
      expect(lift.divide(noisy, LIMBS).read(0)).toEqual(spread(m));
    }
  });
});
