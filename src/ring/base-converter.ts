/** Matrices of base conversion between sets of primes, built once (assembly/base-conversion.ts). */
import { encodeOperand, inverseMod, modBigint, mulMod, type Operand } from '../kernels/arithmetic.ts';
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
  /** The same factors for sources that are coefficients already. */
  readonly factors: readonly Operand[];
}

/** A conversion of `before`·x whose result is multiplied by a fraction modulo each target. */
export interface Scaling {
  readonly before: bigint;
  /** Numerator and denominator. */
  readonly after: readonly [bigint, bigint];
}

const UNSCALED: Scaling = { before: 1n, after: [1n, 1n] };

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
      found = this.build(sources, targets, exact, UNSCALED);
      this.known.set(key, found);
    }
    return found;
  }

  /** An exact conversion with factors on the way, built at each call: the caller keeps it. */
  scaled(sources: readonly number[], targets: readonly number[], scaling: Scaling): BaseConversion {
    return this.build(sources, targets, true, scaling);
  }

  private build(
    sourceIndices: readonly number[],
    targetIndices: readonly number[],
    exact: boolean,
    scaling: Scaling,
  ): BaseConversion {
    const { engine, primes } = this.ring;
    const sources = sourceIndices.map((i) => primes[i] as PrimeContext);
    const targets = targetIndices.map((i) => primes[i] as PrimeContext);
    const rows = engine.allocateBlocks(targets.length, (sources.length + (exact ? 1 : 0)) * 8);
    targets.forEach((target, i) => {
      const { p } = target;
      const row = sources.map((_, j) => productOfOthers(sources, j, p));
      if (exact) row.push((p - productOfOthers(sources, -1, p)) % p);
      const [numerator, denominator] = scaling.after;
      const factor = mulMod(modBigint(numerator, p), inverseMod(modBigint(denominator, p), p), p);
      engine.encodeMatrixRow(
        rows.item(i),
        row.map((entry) => mulMod(entry, factor, p)),
        target,
      );
    });
    const quotients = exact ? this.quotients(sources) : undefined;
    const factors = sources.map(({ p }, j) =>
      mulMod(modBigint(scaling.before, p), inverseMod(productOfOthers(sources, j, p), p), p),
    );
    return {
      sources,
      targets,
      matrix: rows.first,
      quotients,
      scales: sources.map((q, j) => q.inverseScale(factors[j] as number)),
      factors: sources.map(({ p }, j) => encodeOperand(factors[j] as number, p)),
    };
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
