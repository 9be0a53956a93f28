/**
 * What the owner's service and its clients say to each other in JSON: one schema a thing. Times are ISO 8601 in UTC, sizes
 * bytes, identifiers of files SHA-256 in hexadecimal. Both ends check: the service its requests, the client its answers.
 */
import * as z from 'zod';
import { ONE_LINE } from '../../base/plain-text.ts';
import type {
  Accepted,
  AcceptRequest,
  AuditEntry,
  AuditPage,
  BitAccount,
  CreateNetwork,
  Decision,
  GateResult,
  Gates,
  Invitation,
  InvitationRequest,
  Lineage,
  Me,
  ModelStatus,
  Overview,
  Party,
  Progress,
  ReleasedRow,
  ReleaseWish,
  Role,
  RunHistory,
  ServedKey,
  ServedLayer,
  ServedModel,
  ServedNetwork,
  ServedRun,
  ServiceError,
  ServiceEvent,
  SubmissionRequest,
  UnlockPolicy,
  UnlockRequest,
  UnlockView,
  Upload,
  UploadRequest,
} from './types.ts';

const id = z.string().regex(/^[0-9a-f]{16,64}$/, 'expected 16 to 64 lower-case hexadecimal digits');
const time = z.iso.datetime();
const bytes = z.number().int().min(0);
const count = z.number().int().min(0);
/** Names that people give: one line, no control characters. */
const givenName: z.ZodType<string> = z.string().trim().min(1).max(80).regex(ONE_LINE, 'expected one line of text');

// Policies

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

const gateResultSchema: z.ZodType<GateResult> = z.strictObject({
  gate: z.enum(['finite', 'accuracyDrop', 'accuracyFloor', 'lossRise', 'normChange', 'weightRange', 'record']),
  passed: z.boolean(),
  /** "84.1 % after 86.0 %; at most 2 points may be lost". */
  detail: z.string().max(500),
});

// Parties

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

// Networks and models

const layerSchema: z.ZodType<ServedLayer> = z.strictObject({
  inputs: count,
  units: count,
  activation: z.string().max(64),
  useBias: z.boolean(),
});

const modelStatusSchema: z.ZodType<ModelStatus> = z.enum(['sealed', 'accepted', 'refused']);

export const modelSchema: z.ZodType<ServedModel> = z.strictObject({
  /** Identity of the sealed file. */
  id,
  networkId: id,
  /** The model it was trained from; absent for the first. */
  parentId: id.optional(),
  /** Who made it: absent for the owner. */
  partyId: id.optional(),
  keyId: id,
  status: modelStatusSchema,
  /** sealed: handed out to a party, or the first. accepted, refused: came back. */
  createdAt: time,
  round: count,
  bytes,
  sha256: id,
  steps: count.optional(),
  rows: count.optional(),
  /** Differential privacy that the trainer states, and signs. */
  epsilon: z.number().positive().optional(),
  /** On the owner's held-out rows: what the owner sees, and no trainer. */
  accuracy: z.number().min(0).max(1).optional(),
  /** ½·Σ(ŷ − y)² a row of them. */
  loss: z.number().min(0).optional(),
  gates: z.array(gateResultSchema),
  /** Digest of the signed training record, which is chained to the parent's. */
  recordDigest: id.optional(),
});

export const networkSchema: z.ZodType<ServedNetwork> = z.strictObject({
  id,
  name: givenName,
  createdAt: time,
  layers: z.array(layerSchema),
  weights: count,
  /** Parameter set: L14, …. */
  set: z.string().max(32),
  securityBits: count,
  gates: gatesSchema,
  /** Rows that the owner holds out; 0 where there are none. */
  heldOutRows: count,
  /** The accepted model that the next party goes on with. */
  headId: id,
  models: count,
  parties: count,
});

export const createNetworkSchema: z.ZodType<CreateNetwork> = z.strictObject({
  name: givenName,
  /** Units and activation of each layer: "8:square,1:lin4". Or a recipe instead. */
  layers: z.string().max(500).optional(),
  recipe: z.string().max(32).optional(),
  /** A sample of the data that the features are fitted on, CSV with a header line. */
  sampleCsv: z.string().max(20_000_000).optional(),
  label: z.string().max(200).optional(),
  /** Column of text to learn from instead of numeric columns. */
  text: z.string().max(200).optional(),
  /** The owner's held-out rows, CSV. */
  heldOutCsv: z.string().max(50_000_000).optional(),
  set: z.enum(['L13', 'L14', 'L15', 'B16']).optional(),
  batch: count.min(1).max(65_536).optional(),
  gates: gatesSchema.optional(),
});

export const lineageSchema: z.ZodType<Lineage> = z.strictObject({
  network: networkSchema,
  /** Oldest first. */
  models: z.array(modelSchema),
  parties: z.array(partySchema),
  /** All of the network, retired ones too. */
  keys: z.array(keySchema),
});

// Runs

export const runSchema: z.ZodType<ServedRun> = z.strictObject({
  id: z.string().min(1).max(64),
  partyId: id,
  networkId: id,
  step: count,
  steps: count,
  rowsPerSecond: z.number().min(0),
  startedAt: time,
  lastSeenAt: time,
  state: z.enum(['running', 'silent', 'finished']),
});

/** The whole of a run, thinned so that a long one is as small as a short one. */
export const runHistorySchema: z.ZodType<RunHistory> = z.strictObject({
  run: runSchema,
  /** Oldest first: the first and the last report are among them. */
  samples: z.array(z.strictObject({ at: time, step: count, rowsPerSecond: z.number().min(0) })),
});

export const progressSchema: z.ZodType<Progress> = z.strictObject({
  step: count,
  steps: count.min(1),
  rowsPerSecond: z.number().min(0),
});

// Uploads

export const uploadRequestSchema: z.ZodType<UploadRequest> = z.strictObject({
  kind: z.enum(['model', 'predictions']),
  bytes: bytes.min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

export const uploadSchema: z.ZodType<Upload> = z.strictObject({
  id,
  received: bytes,
  bytes,
  state: z.enum(['open', 'complete']),
});

// What comes back, and what is released

export const submissionRequestSchema: z.ZodType<SubmissionRequest> = z.strictObject({
  uploadId: id,
  /** The signed training record, as JSON text, exactly as it was signed. */
  record: z.string().max(100_000),
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
});

/** Of a request to unlock. */
export const MOST_UNLOCK_ROWS = 100_000;

export const unlockRequestSchema: z.ZodType<UnlockRequest> = z.strictObject({
  uploadId: id,
  rows: z.array(count).min(1).max(MOST_UNLOCK_ROWS),
  /** Of verified mode: the features of those rows, in order. They leave the trainer. */
  features: z.array(z.array(z.number())).max(MOST_UNLOCK_ROWS).optional(),
  /** False reports an earlier denial of the same rows instead of asking anew. */
  again: z.boolean().optional(),
});

const releasedRowSchema: z.ZodType<ReleasedRow> = z.strictObject({
  row: count,
  label: count,
  outputs: z.array(z.number()).optional(),
});

export const unlockSchema: z.ZodType<UnlockView> = z.strictObject({
  id,
  partyId: id,
  networkId: id,
  /** Of the predictions. */
  keyId: id,
  createdAt: time,
  rows: count,
  status: z.enum(['pending', 'answered', 'denied']),
  decidedAt: time.optional(),
  reason: z.string().max(500).optional(),
  /** In verified mode: rows whose sealed prediction is not what the owner computes. For the owner's eyes. */
  mismatches: count.optional(),
  /** While it waits: bits of its key that an approval releases, at most. For the owner's eyes. */
  bits: count.optional(),
  answers: z.array(releasedRowSchema).optional(),
});

export const decisionSchema: z.ZodType<Decision> = z.strictObject({ reason: z.string().max(500).optional() });

// Books

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
