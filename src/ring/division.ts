/**
 * Division by the product T of a polynomial's top limbs, rounding: (a − [a]_T)·T^-1 modulo each limb below, where [a]_T,
 * centred, is lifted to them by base conversion (Halevi, Polyakov and Shoup 2018/117).
 */
import { mulMod, type Operand } from '../kernels/arithmetic.ts';
import type { Address } from '../kernels/heap.ts';
import type { PrimeContext } from '../kernels/prime-context.ts';
import type { BaseConversion, BaseConverter } from './base-converter.ts';
import { eachLimb, type Poly, truncate } from './poly.ts';

/**
 * Division by the last `drop` primes at once, exact: one transform of each limb that stays, where division by one after
 * the other takes `drop`. By none, a copy.
 */
export function divideByTop(a: Poly<'ntt'>, drop: number, converter: BaseConverter): Poly<'ntt'> {
  if (drop === 0) return truncate(a);
  const { ring } = a;
  const kept = a.limbCount - drop;
  const coefficients = a.indices.slice(kept).map(() => ring.allocateLimb());
  const conversion = converter.conversion(a.indices.slice(kept), a.indices.slice(0, kept), true);
  const [out] = liftTop([a], conversion, [coefficients]) as [Poly<'ntt'>];
  ring.releaseLimbs(coefficients);
  eachLimb(out, (j, prime) => {
    ring.engine.subtractTransform(out.limb(j), a.limb(j), out.limb(j), topInverse(a, kept, prime), prime);
  });
  return out;
}

/**
 * [a]_T of each polynomial modulo the limbs below the top: coefficients, to be transformed in place. `conversion`: from the
 * top limbs to those. `coefficients`: limbs for those of the top, which may be the top limbs themselves.
 */
export function liftTop(
  polys: readonly Poly<'ntt'>[],
  { sources, targets, matrix, quotients, scales }: BaseConversion,
  coefficients: readonly (readonly Address[])[],
): Poly<'ntt'>[] {
  const { ring, indices } = polys[0] as Poly<'ntt'>;
  const { engine } = ring;
  const kept = targets.length;
  sources.forEach((prime, k) => {
    polys.forEach((poly, i) => {
      engine.nttInverse(coefficients[i]?.[k] as Address, poly.limb(kept + k), prime, scales[k] as Address);
    });
  });
  engine.flush();
  const out = polys.map(() => ring.allocate('ntt', indices.slice(0, kept)));
  polys.forEach((_, i) => {
    const [from, to] = [coefficients[i] as Address[], (out[i] as Poly<'ntt'>).limbs];
    engine.convertBase(from, sources, to, targets, matrix, ring.N, quotients);
  });
  engine.flush();
  return out;
}

/** T^-1 modulo a prime, for T the product of the limbs from `kept` on. */
export function topInverse({ ring, indices }: Poly<'ntt'>, kept: number, prime: PrimeContext): Operand {
  return prime.inverseOperand(productModulo(ring.primes, indices.slice(kept), prime.p));
}

/** Π primes[i] mod p over the given indices. */
export function productModulo(primes: readonly PrimeContext[], indices: readonly number[], p: number): number {
  return indices.reduce((product, i) => mulMod(product, (primes[i] as PrimeContext).p % p, p), 1);
}
