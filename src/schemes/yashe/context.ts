/** An engine with the tables of the parameter set: what encoders, evaluators and keys are made from. */
import type { Engine } from '../../kernels/engine.ts';
import type { Address } from '../../kernels/heap.ts';
import { createEngine, type EngineOptions } from '../../kernels/wasm-executor.ts';
import { firstIndices, type Poly } from '../../ring/poly.ts';
import { integersToNtt, wipe } from '../../ring/sampler.ts';
import { ScaledProduct } from '../../ring/scaled-product.ts';
import { BatchEncoder, type Plaintext } from '../../rlwe/batch-encoder.ts';
import { RlweContext } from '../../rlwe/context.ts';
import { PlaintextLift } from '../../rlwe/plaintext-lift.ts';
import { NoiseModel } from './noise.ts';
import type { YasheParameters } from './parameters.ts';

export class YasheContext extends RlweContext {
  readonly parameters: YasheParameters;
  readonly encoder: BatchEncoder;
  readonly product: ScaledProduct;
  readonly lift: PlaintextLift;
  readonly noise: NoiseModel;
  /** Ring indices of q, and of the plaintext primes. */
  readonly indices: readonly number[];
  readonly plainIndices: readonly number[];

  constructor(parameters: YasheParameters, engine: Engine) {
    const { primes, productPrimes, plainPrimes, logN } = parameters;
    const auxiliaryPrimes = [...productPrimes, ...plainPrimes];
    super(engine, { logN, primes, specialPrimes: [], auxiliaryPrimes, baseLimbs: primes.length });
    this.parameters = parameters;
    this.indices = firstIndices(primes.length);
    this.plainIndices = plainPrimes.map((_, j) => primes.length + productPrimes.length + j);
    this.encoder = new BatchEncoder(this.ring, this.plainIndices);
    const productIndices = productPrimes.map((_, j) => primes.length + j);
    this.product = new ScaledProduct(this.ring, this.converter, productIndices);
    this.lift = new PlaintextLift(this.ring, this.converter);
    this.noise = new NoiseModel(parameters);
  }

  /** Default: one thread, for the ring is tiny. */
  static async create(parameters: YasheParameters, options: EngineOptions = { threads: 1 }): Promise<YasheContext> {
    return new YasheContext(parameters, await createEngine(options));
  }

  get slots(): number {
    return this.parameters.slots;
  }

  /** Rotates to the left; of Y only its residue modulo 2n counts. */
  galoisElement(steps: number): number {
    return this.ring.galoisElement(((steps % this.slots) + this.slots) % this.slots);
  }

  /** Plaintexts modulo t_0, t_1, …, polynomials in Y. RangeError where the number of values does not divide the slots. */
  encode(values: readonly bigint[]): Plaintext[] {
    if (values.length > 0 && this.slots % values.length === 0) return this.encoder.encode(values);
    throw new RangeError(`expected a number of values that divides ${this.slots}, got ${values.length}`);
  }

  /** Sampled integers (one limb of i32, wiped here) as a polynomial in Y: those at odd powers of X are left out. */
  small(integers: Address): Poly<'ntt'> {
    const { ring, engine } = this;
    const words = engine.heap.u32(integers, ring.N);
    for (let i = 1; i < ring.N; i += 2) words[i] = 0;
    const poly = integersToNtt(ring, integers, this.indices);
    wipe(ring, integers);
    return poly;
  }

  dispose(): void {
    this.engine.dispose();
  }
}
