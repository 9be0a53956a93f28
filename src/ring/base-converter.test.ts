import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../base/seeded-random.ts';
import type { Engine } from '../kernels/engine.ts';
import type { Address } from '../kernels/heap.ts';
import { createEngine } from '../kernels/wasm-executor.ts';
import { BaseConverter } from './base-converter.ts';
import { type Poly, toNtt } from './poly.ts';
import { dot28Primes } from './primes.ts';
import { Ring } from './ring.ts';

const LOG_N = 7;
const N = 1 << LOG_N;
const primes = dot28Primes(LOG_N).slice(0, 40);
let engine: Engine;
let ring: Ring;
let converter: BaseConverter;

beforeAll(async () => {
  engine = await createEngine({ threads: 2 });
  ring = new Ring(engine, LOG_N, primes);
  converter = new BaseConverter(ring);
});
afterAll(() => engine.dispose());

/** Converts a polynomial from its own primes to `targets`: inverse NTT with the scaling, then the matrix. */
function convert(source: Poly<'ntt'>, targets: readonly number[]): number[][] {
  const conversion = converter.conversion(source.indices, targets);
  source.limbs.forEach((limb, j) => {
    engine.nttInverse(limb, limb, conversion.sources[j]!, conversion.scales[j] as Address);
  });
  engine.flush();
  const out = ring.allocate('coeff', targets);
  const { sources, matrix, quotients } = conversion;
  engine.convertBase(source.limbs, sources, out.limbs, conversion.targets, matrix, N, quotients);
  engine.flush();
  return targets.map((_, i) => [...out.read(i)]);
}

const product = (indices: readonly number[]): bigint => indices.reduce((q, i) => q * BigInt(primes[i]!), 1n);
const modulo = (x: bigint, p: bigint): bigint => ((x % p) + p) % p;

/** The integers below Q that give the extreme y_j, and random ones. */
function integers(Q: bigint, seed: number): bigint[] {
  const random = new SeededRandom(seed);
  const digits = Math.ceil(Q.toString(16).length / 7);
  const any = (): bigint => {
    let x = 0n;
    for (let i = 0; i < digits; i++) x = (x << 28n) | BigInt(random.integer(2 ** 28));
    return x % Q;
  };
  return Array.from({ length: N }, (_, i) => (i < 4 ? [0n, 1n, Q - 1n, Q / 2n][i]! : any()));
}

describe('base conversion', () => {
  it('gives x + v·Q for one and the same v modulo every target, |v| ≤ k/2; from five sources on, x centred', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 2 ** 30 }), (k, seed) => {
        const sources = Array.from({ length: k }, (_, i) => i);
        const targets = [k, k + 3, k + 9];
        const Q = product(sources);
        const values = integers(Q, seed);
        const coefficients = ring.allocate('coeff', sources);
        sources.forEach((j) => {
          coefficients.write(
            j,
            Uint32Array.from(values, (x) => Number(x % BigInt(primes[j]!))),
          );
        });
        const converted = convert(toNtt(coefficients), targets);
        values.forEach((x, c) => {
          const multiples = targets.map((t, i) => multipleOf(Q, x, converted[i]![c]!, BigInt(primes[t]!), k));
          expect(multiples[0]).toBeDefined();
          expect(new Set(multiples).size).toBe(1);
          const integer = x + BigInt(multiples[0] as number) * Q;
          // Off-centre by what the lower halves of y may hide.
          const slack = (Q * BigInt(k)) / 8192n;
          if (k > 4) expect(2n * (integer < 0n ? -integer : integer) <= Q + slack).toBe(true);
        });
      }),
      { numRuns: 20, seed: 5 },
    );
  });
});

/** The v with residue ≡ x + v·Q mod p and |v| ≤ k/2, if there is one. */
function multipleOf(Q: bigint, x: bigint, residue: number, p: bigint, k: number): number | undefined {
  const most = Math.floor(k / 2) + 1; // x is in [0, Q), not centred: one more on the negative side
  for (let v = -most; v <= most; v++) if (modulo(x + BigInt(v) * Q, p) === BigInt(residue)) return v;
  return undefined;
}
