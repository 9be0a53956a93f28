/** Matrices of base conversion between sets of primes, built once (assembly/base-conversion.ts). */
import { inverseMod, mulMod } from '../kernels/arithmetic.ts';
import type { Address } from '../kernels/heap.ts';
import type { PrimeContext } from '../kernels/prime-context.ts';
import type { Ring } from './ring.ts';

export interface BaseConversion {
  readonly sources: readonly PrimeContext[];
  readonly targets: readonly PrimeContext[];
  /** Π_{j'≠j} q_j' mod p_i, encoded, row after row; in an exact conversion −Π q_j last in each. */
  readonly matrix: Address;
  /** Of an exact conversion: see assembly/base-conversion.ts. */
  readonly quotients: Address | undefined;
  /** Final scalings of the sources' inverse NTT that also multiply by (Q/q_j)^-1. */
  readonly scales: readonly Address[];
}

/**
 * An inexact conversion is off by v times the modulus of its sources, v of standard deviation √(k/12) for k of them: a
 * rounding, of 1/√12, becomes so much coarser. Up to this many sources that costs a bit at most and is left.
 */
const INEXACT_SOURCES = 4;

export class BaseConverter {
  private readonly ring: Ring;
  private readonly known = new Map<string, BaseConversion>();

  constructor(ring: Ring) {
    this.ring = ring;
  }

  /** Prime indices of sources and targets. Exact where that is worth its price, or as told. */
  conversion(
    sources: readonly number[],
    targets: readonly number[],
    exact: boolean = sources.length > INEXACT_SOURCES,
  ): BaseConversion {
    const key = `${sources.join()}>${targets.join()}${exact ? '!' : ''}`;
    let found = this.known.get(key);
    if (!found) {
      found = this.build(sources, targets, exact);
      this.known.set(key, found);
    }
    return found;
  }

  private build(sourceIndices: readonly number[], targetIndices: readonly number[], exact: boolean): BaseConversion {
    const { engine, primes } = this.ring;
    const sources = sourceIndices.map((i) => primes[i] as PrimeContext);
    const targets = targetIndices.map((i) => primes[i] as PrimeContext);
    const rows = engine.allocateBlocks(targets.length, (sources.length + (exact ? 1 : 0)) * 8);
    targets.forEach((target, i) => {
      const row = sources.map((_, j) => productOfOthers(sources, j, target.p));
      if (exact) row.push((target.p - productOfOthers(sources, -1, target.p)) % target.p);
      engine.encodeMatrixRow(rows.item(i), row, target);
    });
    const quotients = exact ? this.quotients(sources) : undefined;
    const scales = sources.map((q, j) => q.inverseScale(inverseMod(productOfOthers(sources, j, q.p), q.p)));
    return { sources, targets, matrix: rows.first, quotients, scales };
  }

  private quotients(sources: readonly PrimeContext[]): Address {
    const { engine } = this.ring;
    const at = engine.allocate(4 * sources.length);
    engine.heap.u32(at, sources.length).set(sources.map(({ p }) => Math.round(2 ** 40 / p) * 65_536));
    return at;
  }
}

function productOfOthers(primes: readonly PrimeContext[], skipped: number, p: number): number {
  let product = 1;
  primes.forEach((q, j) => {
    if (j !== skipped) product = mulMod(product, q.p % p, p);
  });
  return product;
}
