/** What the kernels know of a prime: its constants and its NTT tables, built on first use and kept. */
import { encodeOperand, inverseMod, mulMod, type Operand, powMod } from './arithmetic.ts';
import type { Engine } from './engine.ts';
import type { Address } from './heap.ts';

const CONTEXT_BYTES = 64;

export interface NttTables {
  readonly forward: Address;
  readonly inverse: Address;
  /** Final scaling of the inverse transform by N^-1. */
  readonly scale: Address;
}

export class PrimeContext {
  readonly p: number;
  /** Degree exponent of the ring whose roots are used. */
  readonly logN: number;
  /** A primitive 2N-th root of unity modulo p. */
  readonly psi: number;
  readonly address: Address;
  private readonly engine: Engine;
  private readonly tables = new Map<number, NttTables>();
  private readonly scales = new Map<number, Address>();
  private readonly inverses = new Map<number, Operand>();

  /** p ≡ 1 mod 2N, 2^27 < p < 2^28, p ≡ 1 mod 2^16. */
  constructor(engine: Engine, p: number, logN: number) {
    if (p <= 2 ** 27 || p >= 2 ** 28 || p % 65536 !== 1 || p % (2 << logN) !== 1) {
      throw new RangeError(`not a dot28 prime for N = 2^${logN}: ${p}`);
    }
    this.engine = engine;
    this.p = p;
    this.logN = logN;
    this.psi = primitiveRoot(p, logN);
    this.address = engine.allocate(CONTEXT_BYTES);
    const p1 = (p - 1) / 65536;
    const words = engine.heap.u32(this.address, CONTEXT_BYTES / 4);
    const r32 = encodeOperand(mulMod(65536, 65536, p), p);
    words.set([
      p,
      (1 << 16) | (-p1 & 0xffff),
      Math.floor(2 ** 42 / p) << 16,
      (p - 1) / 2,
      (-4 * p1) & 0xffff,
      0x8000 + (p1 << 15),
      0x8000,
      2 ** 25,
      r32.wh,
      r32.wl,
      0x80008000,
      0x10000 - (p1 << 15),
    ]);
  }

  /** Tables of the transform of size 2^logSize ≤ N, for the root ψ^(N/2^logSize): that of the subring of X^(N/size). */
  nttTables(logSize: number): NttTables {
    const known = this.tables.get(logSize);
    if (known) return known;
    if (logSize < 6 || logSize > this.logN) throw new RangeError(`NTT sizes are 2^6..2^${this.logN}, got 2^${logSize}`);
    const bytes = 8 << logSize;
    const built: NttTables = {
      forward: this.engine.allocate(bytes),
      inverse: this.engine.allocate(bytes),
      scale: this.engine.allocate(16),
    };
    const root = powMod(this.psi, 1 << (this.logN - logSize), this.p);
    const inverse = inverseMod(root, this.p);
    this.engine.buildTables(built.forward, this.p, root, logSize);
    this.engine.buildTables(built.inverse, this.p, inverse, logSize);
    this.engine.buildInverseScale(built.scale, this.p, inverse, logSize, 1);
    this.tables.set(logSize, built);
    return built;
  }

  /** The operand x^-1 mod p, for a product or a prime that is divided by again and again. */
  inverseOperand(x: number): Operand {
    let operand = this.inverses.get(x);
    if (operand === undefined) {
      operand = encodeOperand(inverseMod(x % this.p, this.p), this.p);
      this.inverses.set(x, operand);
    }
    return operand;
  }

  /** The final scaling of a full-size inverse NTT that also multiplies by `factor`. */
  inverseScale(factor: number): Address {
    let scale = this.scales.get(factor);
    if (scale === undefined) {
      scale = this.engine.allocate(16);
      this.engine.buildInverseScale(scale, this.p, inverseMod(this.psi, this.p), this.logN, factor);
      this.scales.set(factor, scale);
    }
    return scale;
  }
}

/** The smallest-generator 2N-th root: g^((p−1)/2N) for the least g that gives order exactly 2N. */
function primitiveRoot(p: number, logN: number): number {
  for (let g = 2; ; g++) {
    const root = powMod(g, (p - 1) / (2 << logN), p);
    if (powMod(root, 1 << logN, p) === p - 1) return root;
  }
}
