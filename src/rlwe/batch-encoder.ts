/**
 * Between integers in slots and plaintext polynomials modulo primes t_j ≡ 1 mod 2N (Smart and Vercauteren 2011/133): the
 * kernels' own NTT modulo t_j. Slot i is the value at ψ^(5^i), and at ψ^(−5^i) as well: both orbits of the powers of 5
 * hold the same, so X → X^5 rotates n = N/2 slots cyclically. Integers are held by their residues modulo all t_j.
 */
import { reverseBits } from '../kernels/arithmetic.ts';
import { storagePosition } from '../kernels/storage-order.ts';
import { ChineseRemainder } from '../ring/chinese-remainder.ts';
import { type Poly, toNtt } from '../ring/poly.ts';
import type { Ring } from '../ring/ring.ts';

/** A polynomial modulo one plaintext prime, in X^(N/2^logSize): its coefficients are the first 2^logSize words of the limb. */
export interface Plaintext {
  readonly words: Poly<'coeff'>;
  readonly logSize: number;
}

/** The smallest transform that the kernels do has 2·32 points. */
const MIN_PERIOD = 32;

export class BatchEncoder {
  readonly slots: number;
  readonly remainders: ChineseRemainder;
  private readonly ring: Ring;
  private readonly indices: readonly number[];
  /** Where the NTT of a size keeps slot i: of both orbits, one after the other. */
  private readonly positions = new Map<number, Uint32Array>();

  /** @param indices of the plaintext primes in the ring */
  constructor(ring: Ring, indices: readonly number[]) {
    this.ring = ring;
    this.indices = indices;
    this.slots = ring.N / 2;
    this.remainders = new ChineseRemainder(indices.map((i) => (ring.primes[i] as { p: number }).p));
  }

  /**
   * Modulo t_0, t_1, …; values repeat over the slots, and so a few of them are transformed at their own size.
   * RangeError for a wrong length.
   */
  encode(values: readonly bigint[]): Plaintext[] {
    const { slots, ring } = this;
    const { engine } = ring;
    const period = values.length;
    if (period === 0 || slots % period !== 0) {
      throw new RangeError(`expected a number of values that divides ${slots}, got ${period}`);
    }
    const logSize = Math.log2(2 * Math.max(period, MIN_PERIOD));
    const positions = this.positionsOf(logSize);
    const plains = this.indices.map((index, j) => {
      const residues = this.remainders.residues(values, j);
      const words = ring.allocate<'coeff'>('coeff', [index]);
      const limb = words.limb(0);
      const to = engine.heap.u32(limb, positions.length);
      positions.forEach((at, i) => {
        to[at] = residues[i & (period - 1)] as number;
      });
      engine.nttInverse(limb, limb, words.prime(0), undefined, logSize);
      return { words, logSize };
    });
    engine.flush();
    return plains;
  }

  /** The first `count` of the n slots, centred modulo Π t_j. */
  decode(polys: readonly Poly<'coeff'>[], count: number = this.slots): bigint[] {
    const residues = polys.map((poly) => {
      const values = toNtt(poly);
      const words = this.ring.engine.heap.u32(values.limb(0), this.ring.N);
      const read = this.positionsOf(this.ring.logN)
        .subarray(0, count)
        .map((at) => words[at] as number);
      values.dispose();
      return read;
    });
    return this.remainders.lift(residues);
  }

  private positionsOf(logSize: number): Uint32Array {
    let positions = this.positions.get(logSize);
    if (!positions) {
      positions = slotPositions(logSize);
      this.positions.set(logSize, positions);
    }
    return positions;
  }
}

function slotPositions(logN: number): Uint32Array {
  const slots = 2 ** (logN - 1);
  const positions = new Uint32Array(2 * slots);
  const at = (exponent: number): number => storagePosition(reverseBits((exponent - 1) / 2, logN));
  for (let i = 0, power = 1; i < slots; i++, power = (5 * power) % (4 * slots)) {
    positions[i] = at(power);
    positions[slots + i] = at(4 * slots - power);
  }
  return positions;
}
