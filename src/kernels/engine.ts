/** The engine: every operation of the kernels, and the memory that they work on. */

import type { Operand } from './arithmetic.ts';
import { type Address, Blocks } from './heap.ts';
import { Operation } from './operations.ts';
import type { NttTables, PrimeContext } from './prime-context.ts';
import { TaskQueue } from './task-queue.ts';

/**
 * Methods named after an operation only queue it; tasks queued between two `flush` calls must not depend on each other.
 */
export class Engine extends TaskQueue {
  allocate(bytes: number): Address {
    return this.heap.allocate(bytes);
  }

  allocateBlocks(count: number, bytesEach: number): Blocks {
    return new Blocks(this.heap, count, bytesEach);
  }

  release(address: Address, bytes: number): void {
    this.heap.release(address, bytes);
  }

  nttForward(out: Address, from: Address, prime: PrimeContext, logSize: number = prime.logN): void {
    this.push(Operation.nttForward, out, from, logSize, this.tablesOf(prime, logSize).forward, prime.address);
  }

  /** `scale` from `prime.inverseScale(factor)`, of the full size, multiplies by a factor on the way. */
  nttInverse(out: Address, from: Address, prime: PrimeContext, scale?: Address, logSize: number = prime.logN): void {
    const tables = this.tablesOf(prime, logSize);
    this.push(Operation.nttInverse, out, from, logSize, tables.inverse, prime.address, scale ?? tables.scale);
  }

  add(out: Address, a: Address, b: Address, words: number, prime: PrimeContext): void {
    this.push(Operation.add, out, a, b, words * 4, prime.address);
  }

  /** out = a + x for one residue x. */
  addScalar(out: Address, a: Address, x: number, words: number, prime: PrimeContext): void {
    this.push(Operation.addScalar, out, a, x, words * 4, prime.address);
  }

  subtract(out: Address, a: Address, b: Address, words: number, prime: PrimeContext): void {
    this.push(Operation.subtract, out, a, b, words * 4, prime.address);
  }

  negate(out: Address, a: Address, words: number, prime: PrimeContext): void {
    this.push(Operation.negate, out, a, words * 4, prime.address);
  }

  mulScalar(out: Address, a: Address, w: Operand, words: number, prime: PrimeContext): void {
    this.push(Operation.mulScalar, out, a, w.wh, w.wl, words * 4, prime.address);
  }

  /** One operand for the lower half of a limb, another for the upper. */
  mulScalarHalves(out: Address, a: Address, lower: Operand, upper: Operand, words: number, prime: PrimeContext): void {
    const half = 2 * words;
    this.mulScalar(out, a, lower, words / 2, prime);
    this.mulScalar((out + half) as Address, (a + half) as Address, upper, words / 2, prime);
  }

  mulScalarAdd(out: Address, a: Address, w: Operand, words: number, prime: PrimeContext): void {
    this.push(Operation.mulScalarAdd, out, a, w.wh, w.wl, words * 4, prime.address);
  }

  subtractMulScalar(out: Address, a: Address, b: Address, w: Operand, words: number, prime: PrimeContext): void {
    this.push(Operation.subtractMulScalar, out, a, b, w.wh, w.wl, words * 4, prime.address);
  }

  /** `pairs`: a_0, b_0, a_1, b_1, …; at most 64 pairs, one operand of each in Montgomery form. */
  innerProduct(out: Address, pairs: readonly Address[], words: number, prime: PrimeContext): void {
    if (pairs.length > 128) throw new RangeError(`at most 64 products a sum, got ${pairs.length / 2}`);
    this.reserve(1, pairs.length + 2);
    const list = this.list(pairs);
    this.push(Operation.innerProduct, out, list, pairs.length / 2, words * 4, prime.address);
  }

  /** `triples`: x_0, b_0, a_0, x_1, …; at most 64 of them, x or both others in Montgomery form. */
  keyProduct(out0: Address, out1: Address, triples: readonly Address[], words: number, prime: PrimeContext): void {
    if (triples.length > 192) throw new RangeError(`at most 64 products a sum, got ${triples.length / 3}`);
    this.reserve(1, triples.length + 2);
    const list = this.list(triples);
    this.push(Operation.keyProduct, out0, out1, list, triples.length / 3, words * 4, prime.address);
  }

  /** `keyProduct`, `plus` added to the first sum, then both permuted by `order` (of `permute`). */
  rotatedKeyProduct(
    out0: Address,
    out1: Address,
    triples: readonly Address[],
    plus: Address | undefined,
    order: Address,
    words: number,
    prime: PrimeContext,
  ): void {
    if (triples.length > 192) throw new RangeError(`at most 64 products a sum, got ${triples.length / 3}`);
    this.reserve(1, triples.length + 2);
    const list = this.list(triples);
    const count = triples.length / 3;
    this.push(Operation.rotatedKeyProduct, out0, out1, list, count, plus ?? 0, order, words * 4, prime.address);
  }

  /** `quads`: a0, a1, b0, b1 a pair of ciphertexts; at most 32 pairs. */
  tensorProduct(
    d0: Address,
    d1: Address,
    d2: Address,
    quads: readonly Address[],
    words: number,
    prime: PrimeContext,
  ): void {
    if (quads.length > 128) throw new RangeError(`at most 32 products a sum, got ${quads.length / 4}`);
    this.reserve(1, quads.length + 2);
    const list = this.list(quads);
    this.push(Operation.tensorProduct, d0, d1, d2, list, quads.length / 4, words * 4, prime.address);
  }

  gather(out: Address, a: Address, index: Address, words: number): void {
    this.push(Operation.gather, out, a, index, words * 4);
  }

  /** An automorphism in NTT order; out is not a. `order`: see assembly/permutation.ts. */
  permute(out: Address, a: Address, order: Address, words: number): void {
    this.push(Operation.permute, out, a, order, words * 4);
  }

  switchModulus(out: Address, a: Address, from: PrimeContext, words: number, prime: PrimeContext): void {
    this.push(Operation.switchModulus, out, a, from.address, words * 4, prime.address);
  }

  reduceSigned(out: Address, a: Address, words: number, prime: PrimeContext): void {
    this.push(Operation.reduceSigned, out, a, words * 4, prime.address);
  }

  /** Splits the coefficients among the threads. `quotients`: of an exact conversion (assembly/base-conversion.ts). */
  convertBase(
    sources: readonly Address[],
    sourcePrimes: readonly PrimeContext[],
    targets: readonly Address[],
    targetPrimes: readonly PrimeContext[],
    matrix: Address,
    words: number,
    quotients?: Address,
  ): void {
    this.reserve(this.threads * 2, 2 * (sources.length + targets.length) + 4);
    const from = this.list(interleave(sources, sourcePrimes));
    const to = this.list(interleave(targets, targetPrimes));
    for (const [begin, end] of ranges(words, this.threads * 2, 64)) {
      this.push(Operation.convertBase, from, sources.length, to, targets.length, matrix, quotients ?? 0, begin, end);
    }
  }

  /** See assembly/diagonals.ts; splits the blocks among the threads. */
  multiplyDiagonals(
    ciphers: readonly Address[],
    plains: Address,
    plainBytes: number,
    outs: readonly Address[],
    patterns: number,
    words: number,
    prime: PrimeContext,
    parts: number,
  ): void {
    this.reserve(parts, ciphers.length + outs.length + 4);
    const cipherList = this.list(ciphers);
    const outList = this.list(outs);
    const terms = ciphers.length;
    for (const [from, to] of ranges(words / 64, parts, 1)) {
      this.push(
        Operation.multiplyDiagonals,
        cipherList,
        terms,
        plains,
        plainBytes,
        outList,
        outs.length,
        patterns,
        from,
        to,
        prime.address,
      );
    }
  }

  embedForward(data: Address, slots: number, roots: Address, order: Address): void {
    this.push(Operation.embedForward, data, slots, roots, order);
  }

  embedInverse(data: Address, slots: number, roots: Address, order: Address): void {
    this.push(Operation.embedInverse, data, slots, roots, order);
  }

  /** out[i] = round(x[i]·scale) mod p, x read every `stride` bytes. */
  roundReduce(out: Address, x: Address, stride: number, count: number, scale: number, prime: PrimeContext): void {
    this.pushReal(Operation.roundReduce, scale, out, x, stride, count, prime.address);
  }

  /** (re, im) pairs of doubles: the real parts to the first `count` words, the imaginary parts to the next. */
  roundReducePairs(out: Address, pairs: Address, count: number, scale: number, prime: PrimeContext): void {
    this.roundReduce(out, pairs, 16, count, scale, prime);
    this.roundReduce((out + 4 * count) as Address, (pairs + 8) as Address, 16, count, scale, prime);
  }

  splitToFloat32(out: Address, data: Address, slots: number): void {
    this.push(Operation.splitToFloat32, out, data, slots);
  }

  mixedRadixDigits(
    out: Address,
    sources: readonly Address[],
    primes: readonly PrimeContext[],
    inverses: Address,
    words: number,
  ): void {
    this.reserve(this.threads, this.threads * (2 * sources.length + 2));
    for (const [begin, end] of ranges(words, this.threads, 64)) {
      const moved = this.list(
        interleave(
          sources.map((s) => (s + begin * 4) as Address),
          primes,
        ),
      );
      this.push(Operation.mixedRadixDigits, out + begin * 4, moved, sources.length, inverses, words, end - begin);
    }
  }

  /** `always`: subtract the centre from every coefficient; else only Q from those beyond Q/2. */
  mixedRadixEvaluate(
    out: Address,
    digits: Address,
    limbs: number,
    weights: Address,
    halves: Address,
    always: boolean,
    words: number,
    prime: PrimeContext,
  ): void {
    this.push(
      Operation.mixedRadixEvaluate,
      out,
      digits,
      limbs,
      weights,
      halves,
      always ? 1 : 0,
      words,
      words,
      prime.address,
    );
  }

  mixedRadixToDouble(
    out: Address,
    digits: Address,
    limbs: number,
    weights: Address,
    halves: Address,
    primes: Address,
    scale: number,
    words: number,
  ): void {
    this.pushReal(Operation.mixedRadixToDouble, scale, out, digits, limbs, weights, halves, 0, 0, primes, words, words);
  }

  uniformResidues(out: Address, words: number, key: Address, nonce: Address, prime: PrimeContext): void {
    this.push(Operation.uniformResidues, out, words, key, nonce, prime.address);
  }

  ternary(out: Address, words: number, key: Address, nonce: Address): void {
    this.push(Operation.ternary, out, words, key, nonce);
  }

  centredBinomial(out: Address, words: number, key: Address, nonce: Address): void {
    this.push(Operation.centredBinomial, out, words, key, nonce);
  }

  uniformBelow(out: Address, words: number, key: Address, nonce: Address, bound: number): void {
    this.push(Operation.uniformBelow, out, words, key, nonce, bound);
  }

  buildTables(out: Address, p: number, psi: number, logSize: number): void {
    const scratch = this.allocate(4 << logSize);
    this.single(Operation.buildTables, out, scratch, p, psi, logSize);
    this.release(scratch, 4 << logSize);
  }

  buildInverseScale(out: Address, p: number, psiInverse: number, logSize: number, factor: number): void {
    this.single(Operation.buildInverseScale, out, p, psiInverse, logSize, factor);
  }

  /** Encodes one row of a base-conversion matrix: residues of M_ij modulo the target's prime. */
  encodeMatrixRow(out: Address, entries: readonly number[], prime: PrimeContext): void {
    const bytes = entries.length * 4;
    const row = this.allocate(bytes);
    this.heap.u32(row, entries.length).set(entries);
    this.single(Operation.encodeMatrix, out, row, entries.length, prime.address);
    this.release(row, bytes);
  }

  /** out = (a − last)·w with `last` the coefficients of the dropped limb modulo `from`; out is not a. */
  divideByLast(out: Address, a: Address, last: Address, from: PrimeContext, w: Operand, prime: PrimeContext): void {
    const table = this.tablesOf(prime, prime.logN).forward;
    this.push(Operation.divideByLast, out, a, last, from.address, prime.logN, table, prime.address, w.wh, w.wl);
  }

  /** b = (a − NTT(b))·w, plus `plus` if given; then permuted by `order` to out, or out is b. */
  subtractTransform(
    out: Address,
    a: Address,
    b: Address,
    w: Operand,
    prime: PrimeContext,
    plus?: Address,
    order?: Address,
  ): void {
    const table = this.tablesOf(prime, prime.logN).forward;
    const { logN, address } = prime;
    this.push(Operation.subtractTransform, out, a, b, plus ?? 0, logN, table, address, w.wh, w.wl, order ?? 0);
  }

  /** A subring plaintext: f32 coefficients·scale → pattern form in Montgomery form. */
  expandPlain(
    out: Address,
    coefficients: Address,
    logSmall: number,
    scale: number,
    index: Address,
    words: number,
    temporary: Address,
    prime: PrimeContext,
  ): void {
    const table = this.tablesOf(prime, logSmall).forward;
    this.pushReal(
      Operation.expandPlain,
      scale,
      out,
      coefficients,
      logSmall,
      table,
      prime.address,
      0,
      0,
      index,
      words,
      temporary,
    );
  }

  copy(out: Address, from: Address, bytes: number): void {
    this.push(Operation.copy, out, from, bytes);
  }

  clear(out: Address, bytes: number): void {
    this.push(Operation.clear, out, bytes);
  }

  private tablesOf(prime: PrimeContext, logSize: number): NttTables {
    return prime.nttTables(logSize);
  }
}

function interleave(limbs: readonly Address[], primes: readonly PrimeContext[]): number[] {
  const words: number[] = [];
  for (let i = 0; i < limbs.length; i++) words.push(limbs[i] as number, (primes[i] as PrimeContext).address);
  return words;
}

/** [0, total) in at most `parts` ranges, bounds multiples of `grain`. */
function ranges(total: number, parts: number, grain: number): [number, number][] {
  const size = Math.max(grain, Math.ceil(total / parts / grain) * grain);
  const result: [number, number][] = [];
  for (let begin = 0; begin < total; begin += size) result.push([begin, Math.min(total, begin + size)]);
  return result;
}
