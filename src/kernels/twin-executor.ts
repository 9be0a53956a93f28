/**
 * The readable twin of the kernels: every operation by its definition, in bigint, over the same memory. Slow; its
 * results are bit for bit those of the WASM module, which the tests hold against it.
 */
import { decodeOperand, encodeOperand, inverseMod, modBigint, mulMod } from './arithmetic.ts';
import { Engine, type Executor } from './engine.ts';
import { type Address, Heap } from './heap.ts';
import { Operation, TASK_WORDS } from './operations.ts';
import { storagePosition } from './storage-order.ts';
import { chachaWords } from './twin-chacha.ts';
import { butterfly, centre, evaluate, interpolate, permute, roundHalfEven } from './twin-transforms.ts';

/** An engine whose kernels are the twin: same interface, one thread, bigint. */
export function createTwinEngine(): Engine {
  const heap = new Heap(new WebAssembly.Memory({ initial: 2, maximum: 65_536 }));
  return new Engine(heap, new TwinExecutor(heap));
}

interface Root {
  readonly psi: number;
  readonly logSize: number;
}

type Words = Uint32Array;

export class TwinExecutor implements Executor {
  readonly threads = 1;
  private readonly heap: Heap;
  /** The root behind each table, remembered from when it was built. */
  private readonly roots = new Map<number, Root>();

  constructor(heap: Heap) {
    this.heap = heap;
  }

  execute(tasks: Address, count: number): void {
    for (let i = 0; i < count; i++) this.run((tasks + i * TASK_WORDS * 4) as Address);
  }

  dispose(): void {}

  private words(address: number, count: number): Words {
    return this.heap.u32(address as Address, count);
  }

  /** A context begins with its prime. */
  private prime(ctx: number): number {
    return this.words(ctx, 1)[0] as number;
  }

  private run(task: Address): void {
    const a = Array.from(this.words(task, TASK_WORDS));
    const real = this.heap.f64((task + 24) as Address, 1)[0] as number;
    const O = Operation;
    const [code] = a;
    if (code === O.nttForward) this.nttForward(a[1], a[2], a[3], a[4], a[5]);
    else if (code === O.nttInverse) this.nttInverse(a[1], a[2], a[3], a[4], a[5], a[6]);
    else if (code === O.add) this.zip(a[1], a[2], a[3], a[4], a[5], (x, y) => x + y);
    else if (code === O.subtract) this.zip(a[1], a[2], a[3], a[4], a[5], (x, y) => x - y);
    else if (code === O.negate) this.zip(a[1], a[2], a[2], a[3], a[4], (x) => -x);
    else if (code === O.mulScalar) this.scale(a[1], a[2], a[3], a[4], a[5], a[6], (x, w) => x * w);
    else if (code === O.mulScalarAdd) this.scale(a[1], a[2], a[3], a[4], a[5], a[6], (x, w, o) => o + x * w);
    else if (code === O.subtractMulScalar) this.subtractMulScalar(a);
    else if (code === O.innerProduct) this.innerProduct(a[1], a[2], a[3], a[4], a[5]);
    else if (code === O.tensorProduct) this.tensorProduct(a);
    else if (code === O.gather) this.gather(a[1], a[2], a[3], a[4]);
    else if (code === O.switchModulus) this.switchModulus(a[1], a[2], a[3], a[4], a[5]);
    else if (code === O.reduceSigned) this.zip(a[1], a[2], a[2], a[3], a[4], (x) => BigInt.asIntN(32, x));
    else if (code === O.convertBase) this.convertBase(a);
    else if (code === O.multiplyDiagonals) this.multiplyDiagonals(a);
    else if (code === O.embedForward) this.embed(a[1], a[2], a[3], a[4], true);
    else if (code === O.embedInverse) this.embed(a[1], a[2], a[3], a[4], false);
    else if (code === O.roundReduce) this.roundReduce(a, real);
    else if (code === O.roundReduceFloat32) this.roundReduceFloat32(a[1], a[2], a[4], real, a[5]);
    else if (code === O.splitToFloat32) this.splitToFloat32(a[1], a[2], a[3]);
    else if (code === O.mixedRadixDigits) this.mixedRadixDigits(a);
    else if (code === O.mixedRadixEvaluate) this.mixedRadixEvaluate(a);
    else if (code === O.mixedRadixToDouble) this.mixedRadixToDouble(a, real);
    else if (code === O.uniformResidues) this.uniform(a[1], a[2], a[3], a[4], this.prime(a[5]));
    else if (code === O.ternary) this.ternary(a[1], a[2], a[3], a[4]);
    else if (code === O.centredBinomial) this.centredBinomial(a[1], a[2], a[3], a[4]);
    else if (code === O.uniformBelow) this.uniform(a[1], a[2], a[3], a[4], a[5]);
    else if (code === O.buildTables) this.buildTables(a[1], a[3], a[4], a[5]);
    else if (code === O.buildInverseScale) this.buildInverseScale(a[1], a[2], a[3], a[4], a[5]);
    else if (code === O.encodeMatrix) this.words(a[1], a[3]).set(this.words(a[2], a[3]));
    else if (code === O.divideByLast) this.divideByLast(a);
    else if (code === O.expandPlain) this.expandPlain(a, real);
    else if (code === O.copy) this.words(a[1], a[3] / 4).set(this.words(a[2], a[3] / 4));
    else if (code === O.clear) this.words(a[1], a[2] / 4).fill(0);
    else if (code === O.keyProduct) this.keyProduct(a[1], a[2], a[3], a[4], a[5], a[6]);
    else if (code === O.subtractTransform) this.subtractTransform(a);
    else if (code === O.rotatedKeyProduct) this.rotatedKeyProduct(a);
    else if (code === O.addScalar) this.zip(a[1], a[2], a[2], a[4], a[5], (x) => x + BigInt(a[3]));
    else if (code === O.permute) this.permute(a[1], a[2], a[3], a[4]);
    else throw new RangeError(`unknown operation ${code}`);
  }

  /** Table of the twin: nothing is stored, the root is remembered. */
  private buildTables(out: number, _p: number, psi: number, logSize: number): void {
    this.roots.set(out, { psi, logSize });
  }

  private buildInverseScale(out: number, p: number, _psiInverse: number, logSize: number, factor: number): void {
    this.words(out, 1)[0] = mulMod(inverseMod((1 << logSize) % p, p), factor, p);
  }

  /** Values at ψ^(2·brv(i)+1), by Cooley–Tukey on exponents: textbook recursion over the output order. */
  private nttForward(out: number, from: number, logN: number, table: number, ctx: number): void {
    const p = this.prime(ctx);
    const { psi } = this.rootOf(table);
    const values = evaluate(Array.from(this.words(from, 1 << logN)), psi, p);
    const target = this.words(out, 1 << logN);
    for (let i = 0; i < values.length; i++) target[storagePosition(i)] = values[i] as number;
  }

  private nttInverse(out: number, from: number, logN: number, table: number, ctx: number, scale: number): void {
    const p = this.prime(ctx);
    const { psi } = this.rootOf(table); // the inverse root
    const source = this.words(from, 1 << logN);
    const values = Array.from({ length: 1 << logN }, (_, i) => source[storagePosition(i)] as number);
    const coefficients = interpolate(values, psi, p);
    const factor = this.words(scale, 1)[0] as number; // N^-1 · factor
    this.words(out, 1 << logN).set(coefficients.map((x) => mulMod(x, factor, p)));
  }

  private rootOf(table: number): Root {
    const root = this.roots.get(table);
    if (!root) throw new RangeError('no NTT table was built here');
    return root;
  }

  private zip(
    out: number,
    a: number,
    b: number,
    bytes: number,
    ctx: number,
    f: (x: bigint, y: bigint) => bigint,
  ): void {
    const p = this.prime(ctx);
    const [o, x, y] = [this.words(out, bytes / 4), this.words(a, bytes / 4), this.words(b, bytes / 4)];
    for (let i = 0; i < o.length; i++) o[i] = modBigint(f(BigInt(x[i] as number), BigInt(y[i] as number)), p);
  }

  private scale(
    out: number,
    a: number,
    wh: number,
    wl: number,
    bytes: number,
    ctx: number,
    f: (x: bigint, w: bigint, o: bigint) => bigint,
  ): void {
    const p = this.prime(ctx);
    const w = BigInt(decodeOperand({ wh, wl }, p));
    const [o, x] = [this.words(out, bytes / 4), this.words(a, bytes / 4)];
    for (let i = 0; i < o.length; i++) o[i] = modBigint(f(BigInt(x[i] as number), w, BigInt(o[i] as number)), p);
  }

  private subtractMulScalar(a: number[]): void {
    const p = this.prime(a[7] as number);
    const w = BigInt(decodeOperand({ wh: a[4] as number, wl: a[5] as number }, p));
    this.zip(a[1], a[2], a[3], a[6], a[7], (x, y) => (x - y) * w);
  }

  private innerProduct(out: number, pairs: number, count: number, bytes: number, ctx: number): void {
    const p = this.prime(ctx);
    const list = this.words(pairs, 2 * count);
    const unMontgomery = BigInt(inverseMod(mulMod(65536, 65536, p), p));
    const o = this.words(out, bytes / 4);
    for (let i = 0; i < o.length; i++) {
      let sum = 0n;
      for (let t = 0; t < count; t++) sum += this.product(list[2 * t] as number, list[2 * t + 1] as number, i);
      o[i] = modBigint(sum * unMontgomery, p);
    }
  }

  private keyProduct(out0: number, out1: number, triples: number, count: number, bytes: number, ctx: number): void {
    const p = this.prime(ctx);
    const list = this.words(triples, 3 * count);
    const unMontgomery = BigInt(inverseMod(mulMod(65536, 65536, p), p));
    for (const [half, out] of [out0, out1].entries()) {
      const o = this.words(out, bytes / 4);
      for (let i = 0; i < o.length; i++) {
        let sum = 0n;
        for (let t = 0; t < 3 * count; t += 3) {
          sum += this.product(list[t] as number, list[t + 1 + half] as number, i);
        }
        o[i] = modBigint(sum * unMontgomery, p);
      }
    }
  }

  private rotatedKeyProduct(a: number[]): void {
    const [, out0, out1, triples, count, plus, order, bytes, ctx] = a;
    this.keyProduct(out0, out1, triples, count, bytes, ctx);
    if (plus !== 0) this.zip(out0, out0, plus, bytes, ctx, (x, y) => x + y);
    for (const out of [out0, out1]) this.permute(out, out, order, bytes);
  }

  private product(a: number, b: number, i: number): bigint {
    return BigInt(this.words(a + 4 * i, 1)[0] as number) * BigInt(this.words(b + 4 * i, 1)[0] as number);
  }

  private tensorProduct(a: number[]): void {
    const [, d0, d1, d2, quads, count, bytes, ctx] = a;
    const p = this.prime(ctx);
    const list = this.words(quads, 4 * count);
    for (let i = 0; i < bytes / 4; i++) {
      let [s0, s1, s2] = [0n, 0n, 0n];
      for (let t = 0; t < 4 * count; t += 4) {
        const [a0, a1, b0, b1] = [list[t], list[t + 1], list[t + 2], list[t + 3]] as [number, number, number, number];
        s0 += this.product(a0, b0, i);
        s1 += this.product(a0, b1, i) + this.product(a1, b0, i);
        s2 += this.product(a1, b1, i);
      }
      this.words(d0 + 4 * i, 1)[0] = modBigint(s0, p);
      this.words(d1 + 4 * i, 1)[0] = modBigint(s1, p);
      this.words(d2 + 4 * i, 1)[0] = modBigint(s2, p);
    }
  }

  private gather(out: number, a: number, index: number, bytes: number): void {
    const [o, ix] = [this.words(out, bytes / 4), this.words(index, bytes / 4)];
    for (let i = 0; i < o.length; i++) o[i] = this.words(a + 4 * (ix[i] as number), 1)[0] as number;
  }

  private permute(out: number, a: number, order: number, bytes: number): void {
    const source = this.words(a, bytes / 4).slice();
    const moves = this.words(order, bytes / 256);
    const patterns = this.words(order + bytes / 64, 1024);
    moves.forEach((move, block) => {
      const target = this.words(out + 256 * block, 64);
      for (let t = 0; t < 64; t++) {
        const byte = 64 * (move & 63) + t;
        const from = ((patterns[byte >>> 2] as number) >>> (8 * (byte & 3))) & 0xff;
        target[t] = source[64 * (move >>> 6) + from / 4] as number;
      }
    });
  }

  private switchModulus(out: number, a: number, fromCtx: number, bytes: number, ctx: number): void {
    const q = this.prime(fromCtx);
    this.zip(out, a, a, bytes, ctx, (x) => centre(x, q));
  }

  private convertBase(a: number[]): void {
    const [, from, sources, to, targets, matrix, quotients, begin, end] = a;
    const source = this.words(from, 2 * sources);
    const target = this.words(to, 2 * targets);
    const terms = quotients === 0 ? sources : sources + 1;
    for (let c = begin; c < end; c++) {
      const y = Array.from({ length: sources }, (_, j) => {
        const x = BigInt(this.words((source[2 * j] as number) + 4 * c, 1)[0] as number);
        return centre(x, this.prime(source[2 * j + 1] as number));
      });
      if (quotients !== 0) y.push(this.multipleIn(y, quotients));
      for (let i = 0; i < targets; i++) {
        const p = this.prime(target[2 * i + 1] as number);
        const row = this.words(matrix + i * terms * 8, terms);
        const sum = y.reduce((total, x, j) => total + x * BigInt(row[j] as number), 0n);
        this.words((target[2 * i] as number) + 4 * c, 1)[0] = modBigint(sum, p);
      }
    }
  }

  /** round(Σ y_j/q_j) from the upper halves of y. */
  private multipleIn(y: readonly bigint[], quotients: number): bigint {
    const row = this.words(quotients, y.length);
    const upper = (x: bigint): bigint => (x - BigInt.asIntN(14, x)) >> 14n;
    const sum = y.reduce((total, x, j) => total + upper(x) * BigInt((row[j] as number) >>> 16), 1n << 25n);
    return sum >> 26n;
  }

  private multiplyDiagonals(a: number[]): void {
    const [, ciphers, terms, plains, plainBytes, outs, sums, patterns, from, to, ctx] = a;
    const p = this.prime(ctx);
    const unMontgomery = BigInt(inverseMod(mulMod(65536, 65536, p), p));
    const cipherList = Array.from(this.words(ciphers, terms));
    const outList = Array.from(this.words(outs, sums));
    for (let s = 0; s < sums; s++) {
      for (let i = 64 * from; i < 64 * to; i++) {
        const plainIndex = patternPosition(i, patterns);
        let sum = 0n;
        for (let t = 0; t < terms; t++) {
          const w = this.words(plains + (s * terms + t) * plainBytes + 4 * plainIndex, 1)[0] as number;
          sum += BigInt(w) * BigInt(this.words((cipherList[t] as number) + 4 * i, 1)[0] as number);
        }
        this.words((outList[s] as number) + 4 * i, 1)[0] = modBigint(sum * unMontgomery, p);
      }
    }
  }

  /** The same additions and products in the same order as the kernel: doubles agree to the last bit. */
  private embed(data: number, n: number, roots: number, order: number, forward: boolean): void {
    const z = this.heap.f64(data as Address, 2 * n);
    const w = this.heap.f64(roots as Address, 2 * n);
    const permutation = Array.from(this.words(order, n));
    if (forward) permute(z, permutation);
    const logN = Math.log2(n);
    for (let step = 0; step < logN; step++) {
      const h = forward ? 1 << step : n >> (step + 1);
      for (let block = 0; block < n; block += 2 * h) {
        for (let j = 0; j < h; j++)
          butterfly(z, block + j, block + j + h, w[2 * (h - 1 + j)], w[2 * (h - 1 + j) + 1], forward);
      }
    }
    if (forward) return;
    permute(z, permutation);
    for (let i = 0; i < 2 * n; i++) z[i] = (z[i] as number) * (1 / n);
  }

  private roundReduce(a: number[], scale: number): void {
    const [, out, x, stride, count, ctx] = a;
    const p = this.prime(ctx);
    for (let i = 0; i < count; i++) {
      const value = this.heap.f64((x + i * stride) as Address, 1)[0] as number;
      this.words(out + 4 * i, 1)[0] = modBigint(BigInt(roundHalfEven(value * scale)), p);
    }
  }

  private roundReduceFloat32(out: number, x: number, count: number, scale: number, ctx: number): void {
    const p = this.prime(ctx);
    const values = this.heap.f32(x as Address, count);
    const o = this.words(out, count);
    for (let i = 0; i < count; i++) o[i] = modBigint(BigInt(roundHalfEven((values[i] as number) * scale)), p);
  }

  private splitToFloat32(out: number, data: number, n: number): void {
    const o = this.heap.f32(out as Address, 2 * n);
    const z = this.heap.f64(data as Address, 2 * n);
    for (let i = 0; i < n; i++) {
      o[i] = z[2 * i] as number;
      o[n + i] = z[2 * i + 1] as number;
    }
  }

  private mixedRadixDigits(a: number[]): void {
    const [, out, list, limbs, , n, count] = a;
    const sources = Array.from(this.words(list, 2 * limbs));
    const primes = Array.from({ length: limbs }, (_, j) => this.prime(sources[2 * j + 1] as number));
    for (let c = 0; c < count; c++) {
      const digits: number[] = [];
      for (let j = 0; j < limbs; j++) {
        const p = primes[j] as number;
        let x = this.words((sources[2 * j] as number) + 4 * c, 1)[0] as number;
        for (let i = 0; i < j; i++) {
          const difference = modBigint(BigInt(x) - BigInt(digits[i] as number), p);
          x = mulMod(difference, inverseMod((primes[i] as number) % p, p), p);
        }
        digits.push(x);
        this.words(out + 4 * (j * n + c), 1)[0] = x;
      }
    }
  }

  /** Does the integer with these digits exceed floor(Q/2), whose digits are `halves`? Compared from the top. */
  private exceedsHalf(digits: number, halves: number, limbs: number, n: number, c: number): boolean {
    const half = this.words(halves, limbs);
    for (let j = limbs - 1; j >= 0; j--) {
      const d = this.words(digits + 4 * (j * n + c), 1)[0] as number;
      if (d !== half[j]) return d > (half[j] as number);
    }
    return false;
  }

  private mixedRadixEvaluate(a: number[]): void {
    const [, out, digits, limbs, weights, halves, always, n, count, ctx] = a;
    const p = this.prime(ctx);
    const w = this.words(weights, limbs + 1);
    for (let c = 0; c < count; c++) {
      let sum = 0n;
      for (let j = 0; j < limbs; j++) {
        sum += BigInt(this.words(digits + 4 * (j * n + c), 1)[0] as number) * BigInt(w[j] as number);
      }
      if (always || this.exceedsHalf(digits, halves, limbs, n, c)) sum -= BigInt(w[limbs] as number);
      this.words(out + 4 * c, 1)[0] = modBigint(sum, p);
    }
  }

  private mixedRadixToDouble(a: number[], scale: number): void {
    const [, out, digits, limbs, weights, halves, , , primes, n, count] = a;
    const w = this.heap.f64(weights as Address, limbs);
    for (let c = 0; c < count; c++) {
      const negative = this.exceedsHalf(digits, halves, limbs, n, c);
      let value = 0;
      for (let j = limbs - 1; j >= 0; j--) {
        const d = this.words(digits + 4 * (j * n + c), 1)[0] as number;
        value += (negative ? (this.words(primes, limbs)[j] as number) - 1 - d : d) * (w[j] as number);
      }
      this.heap.f64((out + 8 * c) as Address, 1)[0] = (negative ? -(value + 1) : value) * scale;
    }
  }

  private stream(key: number, nonce: number): Generator<number> {
    return chachaWords(this.words(key, 8).slice(), this.words(nonce, 3).slice());
  }

  private uniform(out: number, count: number, key: number, nonce: number, bound: number): void {
    const words = this.stream(key, nonce);
    const o = this.words(out, count);
    for (let done = 0; done < count; ) {
      const x = (words.next().value as number) & 0x0fffffff;
      if (x < bound) o[done++] = x;
    }
  }

  private ternary(out: number, count: number, key: number, nonce: number): void {
    const words = this.stream(key, nonce);
    const o = this.words(out, count);
    for (let i = 0; i < count; i++) o[i] = Number((BigInt(words.next().value as number) * 3n) >> 32n) - 1;
  }

  private centredBinomial(out: number, count: number, key: number, nonce: number): void {
    const words = this.stream(key, nonce);
    const o = this.words(out, count);
    const ones = (): number => {
      let x = (words.next().value as number) & 0x1fffff;
      let n = 0;
      for (; x !== 0; x >>>= 1) n += x & 1;
      return n;
    };
    for (let i = 0; i < count; i++) o[i] = ones() - ones();
  }

  private divideByLast(a: number[]): void {
    const [, out, from, last, lastCtx, logN, table, ctx, wh, wl] = a;
    this.switchModulus(out, last, lastCtx, 4 << logN, ctx);
    this.nttForward(out, out, logN, table, ctx);
    this.subtractMulScalar([0, out, from, out, wh, wl, 4 << logN, ctx]);
  }

  private subtractTransform(a: number[]): void {
    const [, out, from, b, c, logN, table, ctx, wh, wl, order] = a;
    const bytes = 4 << logN;
    this.nttForward(b, b, logN, table, ctx);
    this.subtractMulScalar([0, b, from, b, wh, wl, bytes, ctx]);
    if (c !== 0) this.zip(b, b, c, bytes, ctx, (x, y) => x + y);
    if (order !== 0) this.permute(out, b, order, bytes);
  }

  private expandPlain(a: number[], scale: number): void {
    const [, out, coefficients, logSmall, table, ctx, , , index, words, temporary] = a;
    const p = this.prime(ctx);
    this.roundReduceFloat32(temporary, coefficients, 1 << logSmall, scale, ctx);
    this.nttForward(temporary, temporary, logSmall, table, ctx);
    const { wh, wl } = encodeOperand(mulMod(65536, 65536, p), p);
    this.scale(temporary, temporary, wh, wl, 4 << logSmall, ctx, (x, w) => x * w);
    this.gather(out, temporary, index, words * 4);
  }
}

/** Which word of a plaintext in pattern form meets coefficient position i: see assembly/diagonals.ts. */
export function patternPosition(i: number, patterns: number): number {
  const block = Math.floor(i / 64);
  const vector = Math.floor((i % 64) / 4);
  const pattern = patterns === 1 ? 0 : patterns === 4 ? vector % 4 : vector;
  return (block * patterns + pattern) * 4 + (i % 4);
}
