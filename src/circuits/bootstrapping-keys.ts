/** Which keys a bootstrapping uses, in the order in which they are made, stored and loaded. Nothing here is secret. */
import type { Gadget } from '../rlwe/context.ts';
import type { SwitchingKey } from '../rlwe/keys.ts';
import type { BootstrappingContext } from '../schemes/ckks/bootstrapping-context.ts';
import type { BootstrappingKeys } from './bootstrapping.ts';
import type { BootstrappingPlan } from './bootstrapping-plan.ts';

export type KeyUse = 'relinearization' | 'main' | 'slotsToCoeffs' | 'toSparse' | 'fromSparse';

export interface KeyName {
  readonly use: KeyUse;
  /** Galois element of a rotation or the conjugation; 1 for keys of other uses. */
  readonly galois: number;
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

/** Bytes of a key's half that is stored (the other is a seed), and the same again once it is expanded. */
export function keyBytes(context: BootstrappingContext, use: KeyUse): number {
  const { limbs, digitLimbs, special } = gadgetOf(context, use);
  return Math.ceil(limbs / digitLimbs) * (limbs + special.length) * 4 * context.ring.N;
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
