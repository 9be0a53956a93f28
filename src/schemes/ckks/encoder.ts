/**
 * Between slots and plaintext polynomials (2016/421, section 3.2). A vector that repeats with period d < N/2 is a
 * polynomial in X^(N/2d): it is transformed at size 2d and expanded in NTT order, where its values are constant over
 * runs of N/2d (training.md, "Packing").
 */
import { HermeticError } from '../../base/errors.ts';
import { encodeOperand, mulMod, reverseBits } from '../../kernels/arithmetic.ts';
import type { Address } from '../../kernels/heap.ts';
import type { PrimeContext } from '../../kernels/prime-context.ts';
import { storagePosition } from '../../kernels/storage-order.ts';
import { firstIndices, type Poly } from '../../ring/poly.ts';
import type { RlweContext } from '../../rlwe/context.ts';

/** Values of complex slots; the length is a power of two that divides the slots, and the vector repeats. */
export interface SlotValues {
  readonly re: Float64Array;
  readonly im?: Float64Array;
}

/** The smallest transform that the kernels do has 2·32 points. */
const MIN_PERIOD = 32;
/** `roundReduce` is exact below. */
const MAX_COEFFICIENT = 2 ** 52;

interface EmbeddingTables {
  readonly roots: Address;
  readonly order: Address;
}

export class Encoder {
  private readonly context: RlweContext;
  private readonly embeddings = new Map<number, EmbeddingTables>();
  private readonly indices = new Map<number, Address>();

  constructor(context: RlweContext) {
    this.context = context;
  }

  /** round(scale·values) as a polynomial over `limbs` limbs. Throws BAD_DATA when it does not fit. */
  encode(values: SlotValues, scale: number, limbs: number): Poly<'ntt'> {
    const { ring, engine } = this.context;
    const period = this.periodOf(values);
    const coefficients = this.toCoefficients(values, period, scale);
    const out = ring.allocate('ntt', firstIndices(limbs));
    const small = this.smallTransforms(coefficients, period, scale, out.indices);
    const index = ring.expansionIndex(Math.log2(2 * period));
    small.forEach((limb, j) => engine.gather(out.limb(j), limb, index, ring.N));
    engine.flush();
    this.release(small, period);
    engine.release(coefficients, 16 * period);
    return out;
  }

  /** The same in pattern form and Montgomery form, one block of `patternWords` words a limb; release each. */
  encodePattern(values: SlotValues, scale: number, limbs: number): { blocks: Address[]; patterns: number } {
    const period = this.periodOf(values);
    const words = this.patternWords(period);
    const blocks = Array.from({ length: limbs }, () => this.context.engine.allocate(4 * words));
    this.encodePatternInto(blocks, values, scale, firstIndices(limbs));
    return { blocks, patterns: this.patternsOf(period) };
  }

  /** `encodePattern` over the primes of the given indices, into blocks that are there. */
  encodePatternInto(blocks: readonly Address[], values: SlotValues, scale: number, indices: readonly number[]): void {
    const { engine, ring } = this.context;
    const period = this.periodOf(values);
    const coefficients = this.toCoefficients(values, period, scale);
    const small = this.smallTransforms(coefficients, period, scale, indices);
    small.forEach((limb, j) => {
      const prime = ring.primes[indices[j] as number] as PrimeContext;
      const r32 = encodeOperand(mulMod(65_536, 65_536, prime.p), prime.p);
      engine.mulScalar(limb, limb, r32, 2 * period, prime);
    });
    engine.flush();
    const words = this.patternWords(period);
    const index = this.patternIndex(period);
    small.forEach((limb, j) => engine.gather(blocks[j] as Address, limb, index, words));
    engine.flush();
    this.release(small, period);
    engine.release(coefficients, 16 * period);
  }

  /** Distinct vectors in a block of 64 coefficients: 1, 4 or 16. */
  patternsOf(period: number): number {
    const run = this.context.ring.N / (2 * Math.max(period, MIN_PERIOD));
    return run >= 16 ? 1 : run >= 4 ? 4 : 16;
  }

  patternWords(period: number): number {
    return (this.context.ring.N / 16) * this.patternsOf(period);
  }

  /** Slots of real coefficients (N doubles, already divided by the scale). */
  decode(coefficients: Float64Array): { re: Float64Array; im: Float64Array } {
    const { engine, ring } = this.context;
    const n = ring.N / 2;
    const { roots, order } = this.embeddingTables(n);
    const data = engine.allocate(16 * n);
    const pairs = engine.heap.f64(data, 2 * n);
    for (let k = 0; k < n; k++) {
      pairs[2 * k] = coefficients[k] as number;
      pairs[2 * k + 1] = coefficients[n + k] as number;
    }
    engine.embedForward(data, n, roots, order);
    engine.flush();
    const result = { re: new Float64Array(n), im: new Float64Array(n) };
    const slots = engine.heap.f64(data, 2 * n);
    for (let j = 0; j < n; j++) {
      result.re[j] = slots[2 * j] as number;
      result.im[j] = slots[2 * j + 1] as number;
    }
    engine.release(data, 16 * n);
    return result;
  }

  /** Tables of the embedding with `n` slots. */
  embeddingTables(n: number): EmbeddingTables {
    const known = this.embeddings.get(n);
    if (known) return known;
    const { engine } = this.context;
    const built = { roots: engine.allocate(16 * n), order: engine.allocate(4 * n) };
    const roots = engine.heap.f64(built.roots, 2 * n);
    for (let h = 1, at = 0; h < n; h *= 2) {
      for (let j = 0, e = 1; j < h; j++, e = (e * 5) % (8 * h)) {
        const angle = (Math.PI * e) / (4 * h);
        roots[at++] = Math.cos(angle);
        roots[at++] = Math.sin(angle);
      }
    }
    const bits = Math.log2(n);
    const order = engine.heap.u32(built.order, n);
    for (let i = 0; i < n; i++) order[i] = reverseBits(i, bits);
    this.embeddings.set(n, built);
    return built;
  }

  /** `Ring.expansionIndex` of the words of pattern form: the distinct vectors of each block of 64. */
  patternIndex(period: number): Address {
    const known = this.indices.get(period);
    if (known !== undefined) return known;
    const { ring, engine } = this.context;
    const shift = Math.log2(ring.N / (2 * period));
    const words = this.patternWords(period);
    const patterns = this.patternsOf(period);
    const address = engine.allocate(4 * words);
    const index = engine.heap.u32(address, words);
    for (let w = 0; w < words; w++) {
      index[w] = storagePosition(storagePosition(patternToPosition(w, patterns)) >> shift);
    }
    this.indices.set(period, address);
    return address;
  }

  private periodOf(values: SlotValues): number {
    const { re, im } = values;
    const slots = this.context.ring.N / 2;
    if (re.length < 1 || slots % re.length !== 0 || (im !== undefined && im.length !== re.length)) {
      throw new RangeError(`slot values: expected a length that divides ${slots}, got ${re.length}, ${im?.length}`);
    }
    return Math.max(re.length, MIN_PERIOD);
  }

  /** Inverse embedding: `period` pairs of doubles. */
  private toCoefficients(values: SlotValues, period: number, scale: number): Address {
    const { engine } = this.context;
    const { re, im } = values;
    const { roots, order } = this.embeddingTables(period);
    const data = engine.allocate(16 * period);
    const pairs = engine.heap.f64(data, 2 * period);
    for (let j = 0; j < period; j++) {
      pairs[2 * j] = re[j % re.length] as number;
      pairs[2 * j + 1] = im ? (im[j % re.length] as number) : 0;
    }
    engine.embedInverse(data, period, roots, order);
    engine.flush();
    const bound = MAX_COEFFICIENT / scale;
    const fits = engine.heap.f64(data, 2 * period).every((x) => Math.abs(x) < bound);
    if (fits) return data;
    engine.release(data, 16 * period);
    throw new HermeticError('BAD_DATA', 'values do not fit the plaintext', {
      expected: `finite values whose encoding stays below 2^52 at scale 2^${Math.log2(scale).toFixed(1)}`,
      mend: 'Scale the values down',
    });
  }

  private smallTransforms(coefficients: Address, period: number, scale: number, indices: readonly number[]): Address[] {
    const { engine, ring } = this.context;
    const logSize = Math.log2(2 * period);
    const primes = indices.map((i) => ring.primes[i] as PrimeContext);
    const small = primes.map(() => engine.allocate(8 * period));
    small.forEach((limb, j) => engine.roundReducePairs(limb, coefficients, period, scale, primes[j] as PrimeContext));
    engine.flush();
    small.forEach((limb, j) => engine.nttForward(limb, limb, primes[j] as PrimeContext, logSize));
    engine.flush();
    return small;
  }

  private release(small: readonly Address[], period: number): void {
    for (const limb of small) this.context.engine.release(limb, 8 * period);
  }
}

/** A coefficient position that meets word w of pattern form: vector k (V = 4) or 0 (V = 1) of its block. */
function patternToPosition(w: number, patterns: number): number {
  const lane = w % 4;
  const vector = Math.floor(w / 4) % patterns;
  const block = Math.floor(w / (4 * patterns));
  return 64 * block + 4 * vector + lane;
}
