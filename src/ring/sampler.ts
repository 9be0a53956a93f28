/**
 * Random polynomials, expanded by ChaCha20 in the kernels from 32-byte seeds. Public and secret streams come from
 * separate seeds; within a seed, streams are separated by (domain, index, prime).
 */
import type { Address, Blocks } from '../kernels/heap.ts';
import { eachLimb, type Poly, toNtt } from './poly.ts';
import type { Ring } from './ring.ts';

export const SEED_BYTES = 32;

/** Separates the uses of one seed. */
export const Stream = { uniform: 1, secret: 2, error: 3, ephemeral: 4, mask: 5 } as const;

/** Gives a secret seed at each call, each for one use. */
export type SeedSource = () => Uint8Array;

/** From the system's generator. */
export function freshSeed(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(SEED_BYTES));
}

/** Uniform residues on every limb, from (seed, index): the half of a ciphertext or key that need not be stored. */
export function uniformPoly(ring: Ring, indices: readonly number[], seed: Uint8Array, index = 0): Poly<'ntt'> {
  const out = ring.allocate('ntt', indices);
  withWords(ring, seed, indices.length, (key, nonces) => {
    eachLimb(out, (j, prime) => {
      const nonce = nonceAt(ring, nonces, j, Stream.uniform, index, out.indices[j] as number);
      ring.engine.uniformResidues(out.limb(j), ring.N, key, nonce, prime);
    });
  });
  return out;
}

/** Uniform in {−1, 0, 1}: i32 coefficients in one limb of the kernels' memory; release it. */
export function ternaryIntegers(ring: Ring, seed: Uint8Array, stream: number, index = 0): Address {
  const out = ring.allocateLimb();
  withWords(ring, seed, 1, (key, nonces) => {
    ring.engine.ternary(out, ring.N, key, nonceAt(ring, nonces, 0, stream, index, 0));
    ring.engine.flush();
  });
  return out;
}

/** Centred binomial, σ = 3.24: i32 coefficients in one limb; release it. */
export function errorIntegers(ring: Ring, seed: Uint8Array, index = 0): Address {
  const out = ring.allocateLimb();
  withWords(ring, seed, 1, (key, nonces) => {
    ring.engine.centredBinomial(out, ring.N, key, nonceAt(ring, nonces, 0, Stream.error, index, 0));
    ring.engine.flush();
  });
  return out;
}

/** Words uniform in [0, bound), bound ≤ 2^28, in one limb; release it. */
export function uniformWords(ring: Ring, seed: Uint8Array, stream: number, index: number, bound: number): Address {
  const out = ring.allocateLimb();
  withWords(ring, seed, 1, (key, nonces) => {
    ring.engine.uniformBelow(out, ring.N, key, nonceAt(ring, nonces, 0, stream, index, 0), bound);
    ring.engine.flush();
  });
  return out;
}

/** Small signed integers (one limb of i32) as a polynomial in NTT form. */
export function integersToNtt(ring: Ring, integers: Address, indices: readonly number[]): Poly<'ntt'> {
  const coefficients = ring.allocate('coeff', indices);
  eachLimb(coefficients, (j, prime) => ring.engine.reduceSigned(coefficients.limb(j), integers, ring.N, prime));
  const out = toNtt(coefficients);
  coefficients.dispose();
  return out;
}

/** A fresh error polynomial in NTT form. */
export function errorPoly(ring: Ring, indices: readonly number[], seed: Uint8Array, index = 0): Poly<'ntt'> {
  const integers = errorIntegers(ring, seed, index);
  const out = integersToNtt(ring, integers, indices);
  wipe(ring, integers);
  return out;
}

/** Clears and releases a limb that held secret integers. */
export function wipe(ring: Ring, limb: Address): void {
  ring.engine.heap.u32(limb, ring.N).fill(0);
  ring.releaseLimb(limb);
}

const NONCE_BYTES = 16;

function withWords(ring: Ring, seed: Uint8Array, count: number, use: (key: Address, nonces: Blocks) => void): void {
  if (seed.length !== SEED_BYTES) throw new RangeError(`a seed has ${SEED_BYTES} bytes, got ${seed.length}`);
  const { engine } = ring;
  const key = engine.allocate(SEED_BYTES);
  const nonces = engine.allocateBlocks(count, NONCE_BYTES);
  const view = new DataView(seed.buffer, seed.byteOffset, SEED_BYTES);
  const words = engine.heap.u32(key, 8);
  for (let i = 0; i < 8; i++) words[i] = view.getUint32(4 * i, true);
  try {
    use(key, nonces);
  } finally {
    engine.heap.u32(key, 8).fill(0);
    engine.release(key, SEED_BYTES);
    nonces.release();
  }
}

function nonceAt(ring: Ring, nonces: Blocks, j: number, stream: number, index: number, prime: number): Address {
  const at = nonces.item(j);
  ring.engine.heap.u32(at, 3).set([stream, index, prime]);
  return at;
}
