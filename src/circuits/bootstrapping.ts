/**
 * CKKS bootstrapping (Cheon, Han, Kim, Kim and Song 2018/153), SlotsToCoeffs first: it needs only the few limbs above q0,
 * and the message then stands in coefficients when the multiples of q0 are removed, so the error of EvalMod reaches the
 * slots as it is. ModRaise happens under a sparse secret (encapsulation, Bossuat, Troncoso-Pastoriza and Hubaux
 * 2022/024), which keeps those multiples few. Scales are declared where the mathematics changes them: see
 * `BootstrappingPlan`, and `docs/bootstrapping.md` for levels, costs and errors.
 */
import type { MixedRadix } from '../ring/lift.ts';
import { type Poly, toCoefficients, toNtt } from '../ring/poly.ts';
import type { KeySwitcher } from '../rlwe/key-switching.ts';
import type { GaloisKeys, SwitchingKey } from '../rlwe/keys.ts';
import type { BootstrappingContext } from '../schemes/ckks/bootstrapping-context.ts';
import { ChainEvaluator, type ChainKeys } from '../schemes/ckks/chain-evaluator.ts';
import { Ciphertext, polynomialsIn } from '../schemes/ckks/ciphertext.ts';
import { SlotTransform } from '../schemes/ckks/slot-transform.ts';
import type { BootstrappingPlan, TransformStage } from './bootstrapping-plan.ts';
import { evaluateMod1 } from './mod1.ts';

export interface BootstrappingKeys {
  /** Over the whole modulus: relinearisation, rotations of CoeffsToSlots, conjugation. */
  readonly main: ChainKeys;
  /** Rotations of SlotsToCoeffs, for its few limbs. */
  readonly slotsToCoeffs: GaloisKeys;
  /** From the dense to the sparse secret, modulo q0; and back, over the whole modulus. */
  readonly toSparse: SwitchingKey;
  readonly fromSparse: SwitchingKey;
}

/** The stages of a bootstrapping, for those who watch. */
export type BootstrappingStage = 'slotsToCoeffs' | 'modRaise' | 'coeffsToSlots' | 'evalMod';

export class Bootstrapper {
  readonly plan: BootstrappingPlan;
  private readonly context: BootstrappingContext;
  private readonly keys: BootstrappingKeys;
  private readonly evaluator: ChainEvaluator;
  private readonly root: MixedRadix;
  private readonly slotsToCoeffs: readonly SlotTransform[];
  private readonly coeffsToSlots: readonly SlotTransform[];
  private readonly joining: SlotTransform | undefined;

  /** Encodes the matrices of the plan: some seconds and, for full slots, half a gigabyte at N = 2^16. */
  constructor(context: BootstrappingContext, keys: BootstrappingKeys, plan: BootstrappingPlan) {
    this.context = context;
    this.keys = keys;
    this.plan = plan;
    this.evaluator = new ChainEvaluator(context, context.main, keys.main);
    this.root = context.base;
    const encode = (switcher: KeySwitcher, { matrix, options }: TransformStage): SlotTransform =>
      new SlotTransform(context, switcher, matrix, options);
    this.slotsToCoeffs = plan.slotsToCoeffs.map((stage) => encode(context.slotsToCoeffs, stage));
    this.coeffsToSlots = plan.coeffsToSlots.map((stage) => encode(context.main, stage));
    this.joining = plan.join && encode(context.main, plan.join);
  }

  /**
   * The same slots at the plan's level. The message must stand below 2^(logRatio − 8) in magnitude, and repeat
   * as the plan says; the scale comes back as it was relative to the canonical one of level 0.
   */
  bootstrap(a: Ciphertext, onStage: (stage: BootstrappingStage) => void = () => {}): Ciphertext {
    return this.context.ring.scope(() => {
      const coefficients = this.toCoefficients(a);
      onStage('slotsToCoeffs');
      const raised = this.modRaise(coefficients);
      onStage('modRaise');
      const parts = this.toSlots(raised);
      onStage('coeffsToSlots');
      const whole = this.join(parts.map((part) => this.removeMultiples(part)));
      onStage('evalMod');
      return this.declare(whole, this.resultScale(a));
    }, polynomialsIn);
  }

  dispose(): void {
    for (const transform of [...this.slotsToCoeffs, ...this.coeffsToSlots]) transform.dispose();
    this.joining?.dispose();
  }

  /** Slots → coefficients, modulo q0, with the scale q0/2^logRatio. */
  private toCoefficients(a: Ciphertext): Ciphertext {
    const { ring, parameters } = this.context;
    return ring.scope(() => {
      let x = this.evaluator.truncate(a, parameters.baseLimbs);
      for (const stage of this.slotsToCoeffs) x = stage.apply(x, this.keys.slotsToCoeffs);
      return x;
    }, polynomialsIn);
  }

  /** m mod q0 → m + q0·I over all limbs, I small: lifted exactly, under the sparse secret. */
  private modRaise(a: Ciphertext): Ciphertext {
    const { ring, main, encapsulation } = this.context;
    return ring.scope(() => {
      const [u, v] = encapsulation.switch(a.c1, this.keys.toSparse, [a.c0]);
      const [c0, c1] = [this.lift(u), this.lift(v)];
      const [d0, d1] = main.switch(c1, this.keys.fromSparse, [c0]);
      return new Ciphertext(d0, d1, this.topLevel, a.scale);
    }, polynomialsIn);
  }

  private lift(poly: Poly<'ntt'>): Poly<'ntt'> {
    const digits = this.root.digits(toCoefficients(poly));
    const raised = toNtt(this.root.evaluate(digits, this.context.indicesAt(this.context.maxLevel)));
    digits.release();
    return raised;
  }

  /**
   * Coefficients → real slots (m + q0·I)/(K·q0): those of the lower and of the upper half in two ciphertexts, or, of sparse
   * messages, side by side in one.
   */
  private toSlots(a: Ciphertext): Ciphertext[] {
    const { evaluator, plan } = this;
    return this.context.ring.scope(() => {
      let x = this.bringTogether(a);
      for (const stage of this.coeffsToSlots) x = stage.apply(x, this.keys.main);
      const conjugate = evaluator.conjugate(x);
      const parts = [evaluator.add(x, conjugate)];
      if (plan.join === undefined) parts.push(evaluator.timesI(evaluator.subtract(conjugate, x)));
      return parts.map((part) => this.declare(part, plan.evalModScale));
    }, polynomialsIn);
  }

  /** The complex slots again, from what `toSlots` took apart. */
  private join([first, second]: readonly Ciphertext[]): Ciphertext {
    if (this.joining) return this.joining.apply(first as Ciphertext, this.keys.main);
    return this.evaluator.add(first as Ciphertext, this.evaluator.timesI(second as Ciphertext));
  }

  /** Sparse messages: ModRaise adds multiples of q0 to all coefficients; the trace keeps those of the message. */
  private bringTogether(a: Ciphertext): Ciphertext {
    let x = a;
    for (let step = 2 ** this.plan.logSlots; step < this.context.slots; step *= 2) {
      x = this.evaluator.add(x, this.evaluator.rotate(x, step));
    }
    return x;
  }

  private removeMultiples(x: Ciphertext): Ciphertext {
    const { evaluator, plan } = this;
    return this.context.ring.scope(
      () => evaluateMod1(evaluator, plan.evalMod, plan.fit, x, plan.sineScale),
      polynomialsIn,
    );
  }

  /** Levels are counted from the application's level 0. */
  private get topLevel(): number {
    return this.context.ciphertextLimbs - this.context.parameters.baseLimbs;
  }

  private resultScale(a: Ciphertext): number {
    const { scales } = this.context;
    return ((scales[this.plan.level] as number) * a.scale) / (scales[0] as number);
  }

  private declare(a: Ciphertext, scale: number): Ciphertext {
    return new Ciphertext(a.c0, a.c1, a.level, scale);
  }
}
