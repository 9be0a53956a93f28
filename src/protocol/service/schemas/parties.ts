/** Owner and trainers, their keys, and how a trainer comes in. */
import * as z from 'zod';
import type {
  Accepted,
  AcceptRequest,
  BitAccount,
  Invitation,
  InvitationRequest,
  Party,
  Role,
  ServedKey,
} from '../types.ts';
import { count, givenName, id, time } from './fields.ts';
import { unlockPolicySchema } from './policies.ts';

const roleSchema: z.ZodType<Role> = z.enum(['owner', 'trainer']);

export const partySchema: z.ZodType<Party> = z.strictObject({
  id,
  name: givenName,
  role: roleSchema,
  networkId: id.optional(),
  createdAt: time,
  expiresAt: time.optional(),
  revokedAt: time.optional(),
  /** The key that this party's models are sealed under: one a party and network. */
  keyId: id.optional(),
  refreshes: z.strictObject({ used: count, budget: count }),
  unlocks: z.strictObject({ rows: count, policy: unlockPolicySchema }).optional(),
  lastSeenAt: time.optional(),
});

const bitAccountSchema: z.ZodType<BitAccount> = z.strictObject({ used: count, left: count, limit: count });

/** A key that models are sealed under, and how much it has answered. */
export const keySchema: z.ZodType<ServedKey> = z.strictObject({
  id,
  networkId: id,
  /** Whose models are sealed under it: absent for the owner's own. */
  partyId: id.optional(),
  createdAt: time,
  /** Nothing is answered under it any more. */
  retiredAt: time.optional(),
  /** The owner has let go of what was sealed under it: nothing is charged to it any more. */
  givenUpAt: time.optional(),
  /** What it has answered, and what may still be answered about what it seals. */
  bits: bitAccountSchema,
  /** The key of an earlier trainer whose weights these are, where less is left of that one. */
  heldBy: id.optional(),
});

export const invitationRequestSchema: z.ZodType<InvitationRequest> = z.strictObject({
  name: givenName,
  networkId: id,
  /** Hours until the party's token expires. Default 30 days. */
  hours: z
    .number()
    .positive()
    .max(24 * 366)
    .optional(),
  refreshBudget: count.min(1).max(1_000_000).optional(),
  unlocks: unlockPolicySchema.optional(),
});

/** Shown once: the code is a secret, and is accepted once. */
export const invitationSchema: z.ZodType<Invitation> = z.strictObject({
  partyId: id,
  code: z.string().min(20).max(200),
  /** The page's address with the code behind '#', which no server log sees. */
  url: z.string().max(2000),
  expiresAt: time,
});

export const acceptRequestSchema: z.ZodType<AcceptRequest> = z.strictObject({
  code: z.string().min(20).max(200),
  tokenHash: z.string().regex(/^[0-9a-f]{64}$/),
  /** The trainer's Ed25519 public key, raw, base64url: what its training records are signed with. */
  publicKey: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/)
    .optional(),
});

export const acceptedSchema: z.ZodType<Accepted> = z.strictObject({
  party: partySchema,
});
