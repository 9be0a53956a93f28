/**
 * An engine with the tables of a whole bootstrapping chain. The application computes in a context of its own (the lowest
 * limbs, shorter keys); ciphertexts cross between the two as residues.
 */
import type { Engine } from '../../kernels/engine.ts';
import { type Gadget, RlweContext } from '../../rlwe/context.ts';
import { KeySwitcher } from '../../rlwe/key-switching.ts';
import { ENCAPSULATION_LIMBS } from './bootstrapping-parameters.ts';
import { Encoder } from './encoder.ts';
import { type CkksParameters, canonicalScales } from './parameters.ts';

/** The gadgets of a bootstrapping: each serves the limbs that its step works on, with as short a P as its digits allow. */
export interface BootstrappingGadgets {
  /** From ModRaise to EvalMod: all limbs, all of P. */
  readonly main: Gadget;
  /** SlotsToCoeffs: the limbs of the application's level 0 in one digit, and one special limb more: no noise of keys. */
  readonly slotsToCoeffs: Gadget;
  /** To the sparse secret: q0 in digits of one limb. Its own modulus is checked (`checkEncapsulation`). */
  readonly encapsulation: Gadget;
}

/** RangeError for a set without bootstrapping. */
export function bootstrappingGadgets({ set, bootstrapping, baseLimbs }: CkksParameters): BootstrappingGadgets {
  if (bootstrapping === undefined) throw new RangeError(`the set ${set} does not bootstrap`);
  const { primes, specialPrimes, rootLimbs } = bootstrapping;
  const special = (count: number): number[] => Array.from({ length: count }, (_, i) => primes.length + i);
  const all = specialPrimes.length;
  return {
    main: { limbs: primes.length, digitLimbs: all, special: special(all) },
    slotsToCoeffs: { limbs: baseLimbs, digitLimbs: baseLimbs, special: special(baseLimbs + 1) },
    encapsulation: { limbs: rootLimbs, digitLimbs: 1, special: special(ENCAPSULATION_LIMBS) },
  };
}

export class BootstrappingContext extends RlweContext {
  readonly parameters: CkksParameters;
  readonly encoder: Encoder;
  readonly gadgets: BootstrappingGadgets;
  readonly main: KeySwitcher;
  readonly slotsToCoeffs: KeySwitcher;
  readonly encapsulation: KeySwitcher;
  /** Δ_l of the application. */
  readonly scales: readonly number[];

  /** RangeError for a set without bootstrapping. */
  constructor(parameters: CkksParameters, engine: Engine) {
    const { bootstrapping, logN } = parameters;
    if (bootstrapping === undefined) throw new RangeError(`the set ${parameters.set} does not bootstrap`);
    const { primes, specialPrimes, rootLimbs } = bootstrapping;
    super(engine, { logN, primes, specialPrimes, baseLimbs: rootLimbs });
    this.parameters = parameters;
    this.encoder = new Encoder(this);
    this.gadgets = bootstrappingGadgets(parameters);
    this.main = new KeySwitcher(this);
    this.slotsToCoeffs = new KeySwitcher(this, this.gadgets.slotsToCoeffs);
    this.encapsulation = new KeySwitcher(this, this.gadgets.encapsulation);
    this.scales = canonicalScales(parameters);
  }

  get slots(): number {
    return this.parameters.slots;
  }

  /** Stops the workers; the memory goes with the engine. */
  dispose(): void {
    this.engine.dispose();
  }
}
