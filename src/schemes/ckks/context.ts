/** An engine with the tables of one parameter set: what encoders, evaluators and keys are made from. */

import type { Engine } from '../../kernels/engine.ts';
import { createEngine, type EngineOptions } from '../../kernels/wasm-executor.ts';
import { RlweContext } from '../../rlwe/context.ts';
import { KeySwitcher } from '../../rlwe/key-switching.ts';
import { Encoder } from './encoder.ts';
import { type CkksParameters, canonicalScales } from './parameters.ts';

export class CkksContext extends RlweContext {
  readonly parameters: CkksParameters;
  readonly encoder: Encoder;
  readonly keySwitcher: KeySwitcher;
  /** Δ_l. */
  readonly scales: readonly number[];

  /** On a given engine: the bigint twin's, or one shared with another context. */
  constructor(parameters: CkksParameters, engine: Engine) {
    super(engine, parameters);
    this.parameters = parameters;
    this.encoder = new Encoder(this);
    this.keySwitcher = new KeySwitcher(this);
    this.scales = canonicalScales(parameters);
  }

  static async create(parameters: CkksParameters, options: EngineOptions = {}): Promise<CkksContext> {
    return new CkksContext(parameters, await createEngine(options));
  }

  get slots(): number {
    return this.parameters.slots;
  }

  /** The prime that a rescaling from this level divides by. */
  levelPrime(level: number): number {
    return this.parameters.primes[this.baseLimbs + level - 1] as number;
  }

  /** Stops the workers; the memory goes with the engine. */
  dispose(): void {
    this.engine.dispose();
  }
}
