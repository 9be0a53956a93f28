/**
 * The owner's secret: for each plaintext prime t a ternary f', with f = t·f' + 1 invertible modulo q. Never leaves
 * `secret/` and `owner/`, though anyone can compute it from the public key: see `SCHEMES` in traits.ts.
 */
import { copyBytes } from '../../../base/bytes.ts';
import { HermeticError } from '../../../base/errors.ts';
import { inverseMod } from '../../../kernels/arithmetic.ts';
import { eachLimb, multiplyInteger, type Poly, toMontgomery } from '../../../ring/poly.ts';
import { freshSeed, Stream, ternaryIntegers, wipe } from '../../../ring/sampler.ts';
import type { YasheContext } from '../context.ts';

export class YasheSecretKey {
  /** f_j, NTT and Montgomery form. */
  readonly montgomery: readonly Poly<'ntt'>[];
  /** f_j^-1, NTT form. */
  readonly inverses: readonly Poly<'ntt'>[];
  /** f'_j, one after the other. */
  private readonly coefficients: Int8Array;

  private constructor(coefficients: Int8Array, keys: readonly Poly<'ntt'>[], inverses: readonly Poly<'ntt'>[]) {
    this.coefficients = coefficients;
    this.montgomery = keys.map((f) => toMontgomery(f));
    this.inverses = inverses;
    for (const f of keys) f.dispose();
  }

  static generate(context: YasheContext): YasheSecretKey {
    const { ring, engine, parameters } = context;
    const { N } = parameters;
    const all = new Int8Array(N * parameters.plainPrimes.length);
    const keys: Poly<'ntt'>[] = [];
    const inverses: Poly<'ntt'>[] = [];
    while (keys.length < parameters.plainPrimes.length) {
      const seed = freshSeed();
      const integers = ternaryIntegers(ring, seed, Stream.secret);
      const words = new Int32Array(engine.heap.memory.buffer, integers, ring.N);
      const coefficients = Int8Array.from({ length: N }, (_, i) => words[2 * i] as number);
      wipe(ring, integers);
      seed.fill(0);
      const f = expand(context, coefficients, keys.length);
      const inverse = invert(f);
      if (!inverse) continue; // tells nothing about the key that is kept
      all.set(coefficients, N * keys.length);
      keys.push(f);
      inverses.push(inverse);
    }
    return new YasheSecretKey(all, keys, inverses);
  }

  /** One byte a coefficient of each f': 0, 1, or 255 for −1. */
  toBytes(): Uint8Array {
    return new Uint8Array(this.coefficients.buffer.slice(0) as ArrayBuffer);
  }

  /** Throws BAD_FILE for bytes that are no key of these parameters. */
  static fromBytes(context: YasheContext, bytes: Uint8Array): YasheSecretKey {
    const { N, plainPrimes } = context.parameters;
    const coefficients = new Int8Array(copyBytes(bytes).buffer);
    const ternary = coefficients.length === N * plainPrimes.length && coefficients.every((x) => x >= -1 && x <= 1);
    const keys = ternary
      ? plainPrimes.map((_, j) => expand(context, coefficients.subarray(N * j, N * (j + 1)), j))
      : [];
    const inverses = keys.map(invert).filter((f) => f !== undefined);
    if (ternary && inverses.length === keys.length) return new YasheSecretKey(coefficients, keys, inverses);
    throw new HermeticError('BAD_FILE', 'this is not a secret key of these parameters', {
      expected: `${N * plainPrimes.length} ternary coefficients of invertible polynomials`,
      got: `${coefficients.length} bytes`,
    });
  }

  /** Overwrites what this object holds. */
  dispose(): void {
    this.coefficients.fill(0);
    for (const poly of [...this.montgomery, ...this.inverses]) {
      for (const limb of poly.limbs) poly.ring.engine.heap.u32(limb, poly.ring.N).fill(0);
      poly.dispose();
    }
  }
}

/** t_j·f' + 1 modulo q. */
function expand(context: YasheContext, coefficients: Int8Array, j: number): Poly<'ntt'> {
  const { ring, engine, parameters } = context;
  const integers = ring.allocateLimb();
  const words = new Int32Array(engine.heap.memory.buffer, integers, ring.N);
  coefficients.forEach((x, i) => {
    words[2 * i] = x;
  });
  const small = context.small(integers);
  const f = multiplyInteger(small, BigInt(parameters.plainPrimes[j] as number));
  small.dispose();
  eachLimb(f, (i, prime) => engine.addScalar(f.limb(i), f.limb(i), 1, ring.N, prime));
  return f;
}

/** f^-1, value by value, where there is one. */
function invert(f: Poly<'ntt'>): Poly<'ntt'> | undefined {
  const out = f.ring.allocate('ntt', f.indices);
  let invertible = true;
  for (let i = 0; i < f.limbCount; i++) {
    const { p } = f.prime(i);
    const values = f.read(i);
    invertible &&= values.every((x) => x !== 0);
    out.write(
      i,
      values.map((x) => inverseMod(x, p)),
    );
  }
  return invertible ? out : undefined;
}
