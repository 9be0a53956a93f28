import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../base/seeded-random.ts';
import type { Engine } from '../kernels/engine.ts';
import { createEngine } from '../kernels/wasm-executor.ts';
import { MixedRadix } from './lift.ts';
import { firstIndices } from './poly.ts';
import { dot28Primes } from './primes.ts';
import { Ring } from './ring.ts';

const LOG_N = 7;
const N = 1 << LOG_N;
const primes = dot28Primes(LOG_N).slice(0, 8);
let engine: Engine;
let ring: Ring;

beforeAll(async () => {
  engine = await createEngine({ threads: 2 });
  ring = new Ring(engine, LOG_N, primes);
});
afterAll(() => engine.dispose());

const modulo = (x: bigint, p: bigint): bigint => ((x % p) + p) % p;

/** The integer in (−Q/2, Q/2] with these residues: Chinese remainders, by the definition. */
function crt(residues: readonly number[]): bigint {
  const own = primes.slice(0, residues.length).map(BigInt);
  const Q = own.reduce((a, b) => a * b, 1n);
  let x = 0n;
  own.forEach((p, j) => {
    const others = Q / p;
    let inverse = 1n;
    for (let e = p - 2n, square = others % p; e > 0n; e >>= 1n, square = (square * square) % p) {
      if (e & 1n) inverse = (inverse * square) % p;
    }
    x += BigInt(residues[j]!) * inverse * others;
  });
  x %= Q;
  return x > Q / 2n ? x - Q : x;
}

for (const limbs of [1, 2, 3, 5]) {
  describe(`exact lift from ${limbs} limbs`, () => {
    const Q = primes.slice(0, limbs).reduce((a, p) => a * BigInt(p), 1n);
    const random = new SeededRandom(limbs);
    /** The corners, then random residues. */
    const corners = [0n, 1n, -1n, Q / 2n, -(Q / 2n), Q / 2n - 1n, 1000n, -1000n];
    const inputs = Array.from({ length: N }, (_, c) =>
      primes
        .slice(0, limbs)
        .map((p) => (c < corners.length ? Number(modulo(corners[c]!, BigInt(p))) : random.integer(p))),
    );
    const lifted = inputs.map(crt);

    const prepare = () => {
      const poly = ring.allocate('coeff', firstIndices(limbs));
      for (let j = 0; j < limbs; j++)
        poly.write(
          j,
          Uint32Array.from(inputs, (residues) => residues[j]!),
        );
      const radix = new MixedRadix(ring, limbs);
      return { radix, digits: radix.digits(poly) };
    };

    it('the oracle finds the corners again', () => {
      expect(lifted.slice(0, corners.length)).toEqual(corners);
    });

    it('digits are those of the mixed-radix expansion, below their primes', () => {
      const { radix, digits } = prepare();
      expect(radix.modulus).toBe(Q);
      const words = engine.heap.u32(digits.first, limbs * N);
      lifted.forEach((x, c) => {
        let value = 0n;
        for (let j = limbs - 1; j >= 0; j--) {
          const digit = words[j * N + c]!;
          expect(digit).toBeLessThan(primes[j]!);
          value = value * BigInt(primes[j]!) + BigInt(digit);
        }
        expect(value).toBe(modulo(x, Q));
      });
    });

    it('evaluates the centred integers modulo every prime, and minus a centre', () => {
      const { radix, digits } = prepare();
      const targets = [0, limbs, 7];
      const centred = radix.evaluate(digits, targets);
      const shifted = radix.evaluateMinus(digits, targets, 12_345_678_901n, true);
      targets.forEach((t, i) => {
        const p = BigInt(primes[t]!);
        expect([...centred.read(i)]).toEqual(lifted.map((x) => Number(modulo(x, p))));
        expect([...shifted.read(i)]).toEqual(lifted.map((x) => Number(modulo(modulo(x, Q) - 12_345_678_901n, p))));
      });
    });

    it('as doubles: exact below 2^53, to 53 bits beyond', () => {
      const { radix, digits } = prepare();
      radix.toDoubles(digits, 0.5).forEach((value, c) => {
        const wanted = Number(lifted[c]!) / 2;
        if (Math.abs(wanted) < 2 ** 51) expect(Math.abs(value - wanted)).toBe(0);
        else expect(Math.abs(value / wanted - 1)).toBeLessThan(2 ** -50);
      });
    });
  });
}
