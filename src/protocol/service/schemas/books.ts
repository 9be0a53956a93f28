/** The audit log, the overview of each side, events and errors. */
import * as z from 'zod';
import type { AuditEntry, AuditPage, Me, Overview, ServiceError, ServiceEvent } from '../types.ts';
import { bytes, count, id, time } from './fields.ts';
import { modelSchema, networkSchema, runSchema } from './networks.ts';
import { keySchema, partySchema } from './parties.ts';
import { unlockSchema } from './returns.ts';

const auditEntrySchema: z.ZodType<AuditEntry> = z.strictObject({
  seq: count,
  at: time,
  /** 'owner', 'service', or a party's name. */
  actor: z.string().max(80),
  /** "refresh", "seal", "open", "rekey", "unlock", "gate", "invite", "revoke", …: every use of a secret key is one. */
  action: z.string().max(40),
  subject: z.string().max(200),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  previous: id,
  hash: id,
});

export const auditPageSchema: z.ZodType<AuditPage> = z.strictObject({
  entries: z.array(auditEntrySchema),
  /** Ask with ?after= this for more, or with ?before= where the newest come first; absent at the end. */
  next: count.optional(),
  /** Entries that the filters let through, on all pages. */
  matching: count,
  /** The whole chain was checked, up to `end`. */
  intact: z.boolean(),
  end: z.strictObject({ seq: count, hash: id }),
  /** All that the log knows, for filters. */
  actors: z.array(z.string()),
  actions: z.array(z.string()),
});

export const meSchema: z.ZodType<Me> = z.strictObject({
  party: partySchema,
  network: networkSchema,
  /** What to train: the file that is sealed under this party's key. */
  model: modelSchema,
  files: z.strictObject({
    keys: z.strictObject({ bytes, sha256: id }),
    bootstrappingKeys: z.strictObject({ bytes, sha256: id }).optional(),
    model: z.strictObject({ bytes, sha256: id }),
  }),
  /** A recipe that the owner proposes; the trainer may take another. */
  recipe: z.record(z.string(), z.unknown()).optional(),
});

export const overviewSchema: z.ZodType<Overview> = z.strictObject({
  version: z.string().max(40),
  networks: z.array(networkSchema),
  /** Of each network, in the same order: with what was measured on the held-out rows. */
  heads: z.array(modelSchema),
  parties: z.array(partySchema),
  /** Those of trainers that are not retired. */
  keys: z.array(keySchema),
  runs: z.array(runSchema),
  pendingUnlocks: z.array(unlockSchema),
  /** Bytes on disk. */
  storage: z.strictObject({ blobs: count, bytes }),
});

/** Server-sent events of `/v1/events`: something changed, ask again. */
export const eventSchema: z.ZodType<ServiceEvent> = z.strictObject({
  kind: z.enum(['run', 'unlock', 'model', 'party', 'network']),
  subject: z.string().max(64),
  at: time,
});

export const errorSchema: z.ZodType<ServiceError> = z.object({
  schema: z.literal(1),
  error: z.object({
    code: z.string(),
    message: z.string(),
    expected: z.string().optional(),
    got: z.string().optional(),
    mend: z.string().optional(),
  }),
});
