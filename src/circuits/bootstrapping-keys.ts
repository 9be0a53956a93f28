/** Which keys a bootstrapping uses, in the order in which they are made, stored and loaded. Nothing here is secret. */
import type { Gadget } from '../rlwe/context.ts';
import type { SwitchingKey } from '../rlwe/keys.ts';
import { type BootstrappingContext, bootstrappingGadgets } from '../schemes/ckks/bootstrapping-context.ts';
import type { CkksParameters } from '../schemes/ckks/parameters.ts';
import type { BootstrappingKeys } from './bootstrapping.ts';
import type { BootstrappingPlan } from './bootstrapping-plan.ts';

export type KeyUse = 'relinearization' | 'main' | 'slotsToCoeffs' | 'toSparse' | 'fromSparse';

export interface KeyName {
  readonly use: KeyUse;
  /** Galois element of a rotation or the conjugation; 1 for keys of other uses. */
  readonly galois: number;
}

/** One word for a name, to look it up by. */
export function nameOf({ use, galois }: KeyName): string {
  return `${use}:${galois}`;
}

/** All keys that the plans use, each once: the small ones first, then those that every bootstrapping uses most. */
export function bootstrappingKeyNames({ ring }: BootstrappingContext, plans: readonly BootstrappingPlan[]): KeyName[] {
  const elements = (steps: readonly number[]): number[] => [...new Set(steps.map((s) => ring.galoisElement(s)))];
  const low = elements(plans.flatMap(({ rotations }) => rotations.slotsToCoeffs));
  const high = elements(plans.flatMap(({ rotations }) => rotations.coeffsToSlots));
  return [
    { use: 'toSparse', galois: 1 },
    ...low.map((galois): KeyName => ({ use: 'slotsToCoeffs', galois })),
    { use: 'relinearization', galois: 1 },
    { use: 'fromSparse', galois: 1 },
    ...[2 * ring.N - 1, ...high].map((galois): KeyName => ({ use: 'main', galois })),
  ];
}

export function gadgetOf({ gadgets }: BootstrappingContext, use: KeyUse): Gadget {
  if (use === 'toSparse') return gadgets.encapsulation;
  return use === 'slotsToCoeffs' ? gadgets.slotsToCoeffs : gadgets.main;
}

/** Bytes of the keys that a plan uses, as they are stored: their other halves are seeds. In memory they take twice that. */
export function bootstrappingKeyBytes(parameters: CkksParameters, { rotations }: BootstrappingPlan): number {
  const gadgets = bootstrappingGadgets(parameters);
  const each = ({ limbs, digitLimbs, special }: Gadget): number =>
    Math.ceil(limbs / digitLimbs) * (limbs + special.length) * 4 * parameters.N;
  // Relinearisation, the way back from the sparse secret, conjugation.
  const main = rotations.coeffsToSlots.length + 3;
  return (
    main * each(gadgets.main) +
    rotations.slotsToCoeffs.length * each(gadgets.slotsToCoeffs) +
    each(gadgets.encapsulation)
  );
}

/** Keys by name, when the bootstrapper asks for them. RangeError for one that is missing. */
export function collectKeys(get: (name: KeyName) => SwitchingKey | undefined): BootstrappingKeys {
  const one = (use: KeyUse): SwitchingKey => {
    const key = get({ use, galois: 1 });
    if (key === undefined) throw new RangeError(`the bootstrapping keys lack ${use}`);
    return key;
  };
  return {
    main: {
      get relinearization() {
        return one('relinearization');
      },
      get: (galois) => get({ use: 'main', galois }),
    },
    slotsToCoeffs: { get: (galois) => get({ use: 'slotsToCoeffs', galois }) },
    get toSparse() {
      return one('toSparse');
    },
    get fromSparse() {
      return one('fromSparse');
    },
  };
}
