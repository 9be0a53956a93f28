/** What an owner allows a party, and asks of a model, as options. */

import type { FlagParametersForType } from '@stricli/core';
import { HermeticError } from '../../base/errors.ts';
import type { Gates, UnlockPolicy } from '../../protocol/service/types.ts';
import type { HermeticContext } from '../context.ts';
import { spacedWords } from '../format.ts';
import { integer, nonNegativeNumber, positiveNumber, share } from '../parsers.ts';

export interface PartyFlags {
  readonly refreshes: number | undefined;
  readonly hours: number | undefined;
  readonly unlockMode: UnlockPolicy['mode'] | undefined;
  readonly unlockRows: number | undefined;
  readonly unlockBits: number | undefined;
}

export const partyFlags: FlagParametersForType<PartyFlags, HermeticContext> = {
  refreshes: {
    kind: 'parsed',
    parse: integer(1, 1_000_000),
    brief: 'Refreshes that the party may ask for (default: 1000 with an invitation)',
    placeholder: 'CALLS',
    optional: true,
  },
  hours: {
    kind: 'parsed',
    parse: positiveNumber,
    brief: "Hours until the party's token expires (default: 720 with an invitation)",
    placeholder: 'HOURS',
    optional: true,
  },
  unlockMode: {
    kind: 'enum',
    values: ['manual', 'quota', 'verified'],
    brief:
      'manual: you decide on each; quota: at once, while rows last; verified: you answer from your own model (default: manual)',
    optional: true,
  },
  unlockRows: {
    kind: 'parsed',
    parse: integer(0, 1_000_000),
    brief: 'Rows of predictions that may be unlocked in all (default: none)',
    placeholder: 'ROWS',
    optional: true,
  },
  unlockBits: {
    kind: 'parsed',
    parse: integer(1, 12),
    brief: 'Release this many rounded bits a row instead of the class alone',
    placeholder: 'BITS',
    optional: true,
  },
};

/** The policy that the options say; undefined where they say nothing. HermeticError BAD_ARGUMENT for a part of one. */
export function unlockPolicyOf(flags: PartyFlags, before?: UnlockPolicy): UnlockPolicy | undefined {
  const { unlockMode, unlockRows, unlockBits } = flags;
  if (unlockMode === undefined && unlockRows === undefined && unlockBits === undefined) return undefined;
  const mode = unlockMode ?? before?.mode ?? 'manual';
  const rows = unlockRows ?? before?.rows;
  if (rows === undefined) {
    throw new HermeticError('BAD_ARGUMENT', 'it is not said how many rows may be unlocked', {
      mend: 'Give --unlock-rows ROWS.',
    });
  }
  const release = unlockBits === undefined ? before?.release : ({ kind: 'rounded', bits: unlockBits } as const);
  return { mode, rows, release: release ?? { kind: 'label' } };
}

export interface GateFlags {
  readonly accuracyDrop: number | undefined;
  readonly accuracyFloor: number | undefined;
  readonly lossRise: number | undefined;
  readonly normChange: number | undefined;
  readonly weightRange: number | undefined;
}

export const gateFlags: FlagParametersForType<GateFlags, HermeticContext> = {
  accuracyDrop: {
    kind: 'parsed',
    parse: share,
    brief: 'Accuracy on the held-out rows that a round may lose at most: 0.02 for two points',
    placeholder: 'SHARE',
    optional: true,
  },
  accuracyFloor: {
    kind: 'parsed',
    parse: share,
    brief: 'Least accuracy on the held-out rows',
    placeholder: 'SHARE',
    optional: true,
  },
  lossRise: {
    kind: 'parsed',
    parse: nonNegativeNumber,
    brief: 'Share by which the loss on the held-out rows may rise at most: 0.1 for a tenth',
    placeholder: 'SHARE',
    optional: true,
  },
  normChange: {
    kind: 'parsed',
    parse: positiveNumber,
    brief: 'Norm of the change of the weights over their norm, at most',
    placeholder: 'RATIO',
    optional: true,
  },
  weightRange: {
    kind: 'parsed',
    parse: positiveNumber,
    brief: 'Largest weight, at most',
    placeholder: 'W',
    optional: true,
  },
};

/** The gates that the options name; undefined where they name none. */
export function gatesOf(flags: GateFlags): Gates | undefined {
  const { accuracyDrop, accuracyFloor, lossRise, normChange, weightRange } = flags;
  const gates: Gates = {
    ...(accuracyDrop !== undefined && { accuracyDrop }),
    ...(accuracyFloor !== undefined && { accuracyFloor }),
    ...(lossRise !== undefined && { lossRise }),
    ...(normChange !== undefined && { normChange }),
    ...(weightRange !== undefined && { weightRange }),
  };
  return Object.keys(gates).length === 0 ? undefined : gates;
}

/** "accuracy drop 0.02, norm change 0.5", or that there are none. */
export function gateWords(gates: Gates): string {
  const set = Object.entries(gates).flatMap(([gate, value]) =>
    value === undefined ? [] : [`${spacedWords(gate)} ${value}`],
  );
  return set.length === 0 ? 'no gates: whatever comes back is accepted' : set.join(', ');
}
