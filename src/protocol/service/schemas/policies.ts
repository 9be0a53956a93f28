/** What an owner allows: what may be unlocked, and what a returned model must pass. */
import * as z from 'zod';
import type { GateResult, Gates, ReleaseWish, UnlockPolicy } from '../types.ts';
import { count } from './fields.ts';

/** What an unlock may release of a row. */
const releaseSchema: z.ZodType<ReleaseWish> = z.union([
  z.strictObject({ kind: z.literal('label') }),
  z.strictObject({
    kind: z.literal('rounded'),
    bits: z.number().int().min(1).max(12),
    range: z.tuple([z.number(), z.number()]).optional(),
  }),
]);

/**
 * manual: the owner decides on each request. quota: answered at once while rows last. verified: the trainer sends the rows'
 * features, the owner computes them on its own opened model and answers with its own values; a mismatch alerts the owner.
 */
export const unlockPolicySchema: z.ZodType<UnlockPolicy> = z.strictObject({
  mode: z.enum(['manual', 'quota', 'verified']),
  /** Rows that may be released in all, to this party and of this network. */
  rows: count.max(1_000_000),
  release: releaseSchema,
});

/** What a returned model must pass; all optional, an empty object lets everything pass. */
export const gatesSchema: z.ZodType<Gates> = z.strictObject({
  /** Accuracy on the owner's held-out rows must not fall by more than this share: .02 for two points. */
  accuracyDrop: z.number().min(0).max(1).optional(),
  /** Least accuracy on the held-out rows. */
  accuracyFloor: z.number().min(0).max(1).optional(),
  /** The loss on the held-out rows must not rise by more than this share of what it was: .1 for a tenth. */
  lossRise: z.number().min(0).optional(),
  /** ‖Δw‖ / ‖w‖ at most. */
  normChange: z.number().positive().optional(),
  /** Largest |w|. */
  weightRange: z.number().positive().optional(),
});

export const gateResultSchema: z.ZodType<GateResult> = z.strictObject({
  gate: z.enum(['finite', 'accuracyDrop', 'accuracyFloor', 'lossRise', 'normChange', 'weightRange', 'record']),
  passed: z.boolean(),
  /** "84.1 % after 86.0 %; at most 2 points may be lost". */
  detail: z.string().max(500),
});
