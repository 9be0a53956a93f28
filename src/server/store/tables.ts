/** The rows of the service's database, in camel case here and in snake case there. Times are instants, sizes bytes. */

export interface PartyRow {
  id: string;
  name: string;
  role: 'owner' | 'trainer';
  networkId: string | null;
  /** SHA-256 of the token, hexadecimal; null until an invitation is accepted. */
  tokenHash: string | null;
  /** Ed25519, raw, base64url. */
  publicKey: string | null;
  keyId: string | null;
  /** The model that was handed to this party. */
  modelId: string | null;
  createdAt: Date;
  expiresAt: Date | null;
  revokedAt: Date | null;
  lastSeenAt: Date | null;
  refreshBudget: number;
  refreshesUsed: number;
  /** JSON of the policy; null where nothing is unlocked. */
  unlockPolicy: string | null;
  /** Rows that were answered. */
  unlockRows: number;
}

export interface InvitationRow {
  codeHash: string;
  partyId: string;
  createdAt: Date;
  expiresAt: Date;
  acceptedAt: Date | null;
}

export interface NetworkRow {
  id: string;
  name: string;
  createdAt: Date;
  /** JSON: architecture, feature settings, gates, the recipe that is proposed. */
  architecture: string;
  features: string;
  gates: string;
  recipe: string | null;
  /** Parameter set. */
  setName: string;
  batch: number;
  heldOutSha256: string | null;
  heldOutRows: number;
  headId: string;
}

export interface KeyRow {
  id: string;
  networkId: string;
  /** Null for the owner's own first key. */
  partyId: string | null;
  setName: string;
  createdAt: Date;
  retiredAt: Date | null;
  /** When the owner let go of what was sealed under it. */
  givenUpAt: Date | null;
  trainerKeysSha256: string;
  bootstrappingKeysSha256: string | null;
}

export interface BlobRow {
  sha256: string;
  bytes: number;
  createdAt: Date;
}

export interface ModelRow {
  id: string;
  networkId: string;
  parentId: string | null;
  partyId: string | null;
  keyId: string;
  status: 'sealed' | 'accepted' | 'refused';
  createdAt: Date;
  round: number;
  sha256: string;
  steps: number | null;
  rows: number | null;
  epsilon: number | null;
  /** On the owner's held-out rows, as the loss is. */
  accuracy: number | null;
  loss: number | null;
  /** JSON of the results. */
  gates: string;
  /** Of its own training record; of a model that is handed out, that of the model it was sealed from. */
  recordDigest: string | null;
}

export interface RecordRow {
  digest: string;
  modelId: string;
  partyId: string;
  record: string;
  signature: string;
  createdAt: Date;
}

export interface RunRow {
  partyId: string;
  id: string;
  networkId: string;
  step: number;
  steps: number;
  rowsPerSecond: number;
  startedAt: Date;
  lastSeenAt: Date;
}

/** Beside its run: how it went so far. */
export interface RunHistoryRow {
  partyId: string;
  runId: string;
  /** JSON: see `run-history.ts`. */
  samples: string;
}

export interface RefreshRow {
  partyId: string;
  run: string;
  call: string;
  step: number;
  keyId: string;
  /** SHA-256 of the request. */
  digest: string;
  ciphertexts: number;
  calledAt: Date;
  /** Null until it is answered, and again once the answer is no longer kept. */
  answerSha256: string | null;
  answerBytes: number | null;
  answeredAt: Date | null;
}

export interface UploadRow {
  id: string;
  partyId: string;
  kind: 'model' | 'predictions';
  bytes: number;
  sha256: string;
  state: 'open' | 'complete';
  createdAt: Date;
  /** When a submission or an unlock first made use of it. */
  usedAt: Date | null;
}

export interface UnlockRow {
  id: string;
  partyId: string;
  networkId: string;
  keyId: string;
  createdAt: Date;
  /** The file of predictions. */
  sha256: string;
  /** Row numbers, JSON. */
  rows: string;
  rowCount: number;
  /** SHA-256 of the rows' features, where they came along. */
  featuresDigest: string | null;
  status: 'pending' | 'answered' | 'denied';
  decidedAt: Date | null;
  reason: string | null;
  mismatches: number | null;
  /** JSON. */
  answers: string | null;
}

/** What was answered under a key: the ledger of `owner/unlock-ledger.ts`. */
export interface UnlockAnswerRow {
  keyId: string;
  predictions: string;
  row: number;
  release: string;
  bits: number;
  position: number;
}

export interface AuditRow {
  seq: number;
  at: Date;
  actor: string;
  action: string;
  subject: string;
  /** JSON, as it was hashed. */
  details: string;
  previous: string;
  hash: string;
}

/** One row: the last entry of the audit log. Locked by whoever appends. */
export interface AuditHeadRow {
  id: 1;
  seq: number;
  hash: string;
}

/** One row: what this database is. */
export interface StoreRow {
  id: 1;
  version: number;
  /** Also in the folder of files: the two belong together. */
  storeId: string;
}

export interface Tables {
  parties: PartyRow;
  invitations: InvitationRow;
  networks: NetworkRow;
  keys: KeyRow;
  blobs: BlobRow;
  models: ModelRow;
  records: RecordRow;
  runs: RunRow;
  runHistories: RunHistoryRow;
  refreshes: RefreshRow;
  uploads: UploadRow;
  unlocks: UnlockRow;
  unlockAnswers: UnlockAnswerRow;
  audit: AuditRow;
  auditHead: AuditHeadRow;
  store: StoreRow;
}
