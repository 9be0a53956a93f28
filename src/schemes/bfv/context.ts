/** An engine with the tables of one parameter set: what encoders, evaluators and keys are made from. */
import type { Engine } from '../../kernels/engine.ts';
import { createEngine, type EngineOptions } from '../../kernels/wasm-executor.ts';
import { firstIndices } from '../../ring/poly.ts';
import { ScaledProduct } from '../../ring/scaled-product.ts';
import { BatchEncoder } from '../../rlwe/batch-encoder.ts';
import { RlweContext } from '../../rlwe/context.ts';
import { KeySwitcher } from '../../rlwe/key-switching.ts';
import { PlaintextLift } from '../../rlwe/plaintext-lift.ts';
import { NoiseModel } from './noise.ts';
import type { BfvParameters } from './parameters.ts';

export class BfvContext extends RlweContext {
  readonly parameters: BfvParameters;
  readonly encoder: BatchEncoder;
  readonly keySwitcher: KeySwitcher;
  readonly product: ScaledProduct;
  readonly noise: NoiseModel;
  readonly lift: PlaintextLift;
  /** Ring indices of the plaintext primes. */
  readonly plainIndices: readonly number[];

  /** On a given engine: the bigint twin's, or one shared with another context. */
  constructor(parameters: BfvParameters, engine: Engine) {
    const { productPrimes, plainPrimes, primes, specialPrimes, logN } = parameters;
    const auxiliaryPrimes = [...productPrimes, ...plainPrimes];
    super(engine, { logN, primes, specialPrimes, auxiliaryPrimes, baseLimbs: primes.length });
    this.parameters = parameters;
    const first = primes.length + specialPrimes.length;
    const productIndices = firstIndices(productPrimes.length).map((i) => first + i);
    this.plainIndices = firstIndices(plainPrimes.length).map((i) => first + productPrimes.length + i);
    this.encoder = new BatchEncoder(this.ring, this.plainIndices);
    this.keySwitcher = new KeySwitcher(this);
    this.product = new ScaledProduct(this.ring, this.converter, productIndices);
    this.noise = new NoiseModel(parameters);
    this.lift = new PlaintextLift(this.ring, this.converter);
  }

  static async create(parameters: BfvParameters, options: EngineOptions = {}): Promise<BfvContext> {
    return new BfvContext(parameters, await createEngine(options));
  }

  get slots(): number {
    return this.parameters.slots;
  }

  /** Stops the workers; the memory goes with the engine. */
  dispose(): void {
    this.engine.dispose();
  }
}
