/** What the owner's service and its clients say to each other in JSON; checked by `schemas.ts`. */

export type ReleaseWish =
  | { readonly kind: 'label' }
  | { readonly kind: 'rounded'; readonly bits: number; readonly range?: readonly [number, number] | undefined };

export interface UnlockPolicy {
  readonly mode: 'manual' | 'quota' | 'verified';
  readonly rows: number;
  readonly release: ReleaseWish;
}

export interface Gates {
  readonly accuracyDrop?: number | undefined;
  readonly accuracyFloor?: number | undefined;
  readonly lossRise?: number | undefined;
  readonly normChange?: number | undefined;
  readonly weightRange?: number | undefined;
}

export interface GateResult {
  readonly gate: 'finite' | 'accuracyDrop' | 'accuracyFloor' | 'lossRise' | 'normChange' | 'weightRange' | 'record';
  readonly passed: boolean;
  readonly detail: string;
}

export type Role = 'owner' | 'trainer';

export interface Party {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly networkId?: string | undefined;
  readonly createdAt: string;
  readonly expiresAt?: string | undefined;
  readonly revokedAt?: string | undefined;
  readonly keyId?: string | undefined;
  readonly refreshes: {
    readonly used: number;
    readonly budget: number;
  };
  readonly unlocks?:
    | {
        readonly rows: number;
        readonly policy: UnlockPolicy;
      }
    | undefined;
  readonly lastSeenAt?: string | undefined;
}

export interface InvitationRequest {
  readonly name: string;
  readonly networkId: string;
  readonly hours?: number | undefined;
  readonly refreshBudget?: number | undefined;
  readonly unlocks?: UnlockPolicy | undefined;
}

/** What a key has answered, and may still answer, in bits: see `owner/unlock-ledger.ts`. */
export interface BitAccount {
  readonly used: number;
  readonly left: number;
  readonly limit: number;
}

export interface ServedKey {
  readonly id: string;
  readonly networkId: string;
  readonly partyId?: string | undefined;
  readonly createdAt: string;
  readonly retiredAt?: string | undefined;
  readonly givenUpAt?: string | undefined;
  readonly bits: BitAccount;
  readonly heldBy?: string | undefined;
}

export interface Invitation {
  readonly partyId: string;
  readonly code: string;
  readonly url: string;
  readonly expiresAt: string;
}

export interface AcceptRequest {
  readonly code: string;
  /** SHA-256, hexadecimal, of the token that the trainer made for itself. */
  readonly tokenHash: string;
  readonly publicKey?: string | undefined;
}

export interface Accepted {
  readonly party: Party;
}

export interface ServedLayer {
  readonly inputs: number;
  readonly units: number;
  readonly activation: string;
  readonly useBias: boolean;
}

export type ModelStatus = 'sealed' | 'accepted' | 'refused';

export interface ServedModel {
  readonly id: string;
  readonly networkId: string;
  readonly parentId?: string | undefined;
  readonly partyId?: string | undefined;
  readonly keyId: string;
  readonly status: ModelStatus;
  readonly createdAt: string;
  readonly round: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly steps?: number | undefined;
  readonly rows?: number | undefined;
  readonly epsilon?: number | undefined;
  readonly accuracy?: number | undefined;
  readonly loss?: number | undefined;
  readonly gates: readonly GateResult[];
  readonly recordDigest?: string | undefined;
}

export interface ServedNetwork {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly layers: readonly ServedLayer[];
  readonly weights: number;
  readonly set: string;
  readonly securityBits: number;
  readonly gates: Gates;
  readonly heldOutRows: number;
  readonly headId: string;
  readonly models: number;
  readonly parties: number;
}

export interface CreateNetwork {
  readonly name: string;
  readonly layers?: string | undefined;
  readonly recipe?: string | undefined;
  readonly sampleCsv?: string | undefined;
  readonly label?: string | undefined;
  readonly text?: string | undefined;
  readonly heldOutCsv?: string | undefined;
  readonly set?: 'L13' | 'L14' | 'L15' | 'B16' | undefined;
  readonly batch?: number | undefined;
  readonly gates?: Gates | undefined;
}

export interface Lineage {
  readonly network: ServedNetwork;
  readonly models: readonly ServedModel[];
  readonly parties: readonly Party[];
  readonly keys: readonly ServedKey[];
}

export interface ServedRun {
  readonly id: string;
  readonly partyId: string;
  readonly networkId: string;
  readonly step: number;
  readonly steps: number;
  readonly rowsPerSecond: number;
  readonly startedAt: string;
  readonly lastSeenAt: string;
  readonly state: 'running' | 'silent' | 'finished';
}

/** Where a run stood, and when. */
export interface RunSample {
  readonly at: string;
  readonly step: number;
  readonly rowsPerSecond: number;
}

export interface RunHistory {
  readonly run: ServedRun;
  readonly samples: readonly RunSample[];
}

export interface Progress {
  readonly step: number;
  readonly steps: number;
  readonly rowsPerSecond: number;
}

export interface UploadRequest {
  readonly kind: 'model' | 'predictions';
  readonly bytes: number;
  readonly sha256: string;
}

export interface Upload {
  readonly id: string;
  readonly received: number;
  readonly bytes: number;
  readonly state: 'open' | 'complete';
}

export interface SubmissionRequest {
  readonly uploadId: string;
  readonly record: string;
  readonly signature: string;
}

export interface UnlockRequest {
  readonly uploadId: string;
  readonly rows: readonly number[];
  readonly features?: readonly (readonly number[])[] | undefined;
  /** Ask anew where the same rows were denied before; false reports that denial. Default: true. */
  readonly again?: boolean | undefined;
}

export interface ReleasedRow {
  readonly row: number;
  readonly label: number;
  readonly outputs?: readonly number[] | undefined;
}

export interface UnlockView {
  readonly id: string;
  readonly partyId: string;
  readonly networkId: string;
  readonly keyId: string;
  readonly createdAt: string;
  readonly rows: number;
  readonly status: 'pending' | 'answered' | 'denied';
  readonly decidedAt?: string | undefined;
  readonly reason?: string | undefined;
  readonly mismatches?: number | undefined;
  readonly bits?: number | undefined;
  readonly answers?: readonly ReleasedRow[] | undefined;
}

export interface Decision {
  readonly reason?: string | undefined;
}

export interface AuditEntry {
  readonly seq: number;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly details: Readonly<Record<string, string | number | boolean>>;
  readonly previous: string;
  readonly hash: string;
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  readonly next?: number | undefined;
  readonly matching: number;
  readonly intact: boolean;
  readonly end: AuditEnd;
  readonly actors: readonly string[];
  readonly actions: readonly string[];
}

/** The last entry of the log. */
export interface AuditEnd {
  readonly seq: number;
  readonly hash: string;
}

/** Which entries of the log, and in which order; numbers bound them and are not among them. */
export interface AuditQuery {
  readonly order?: 'oldest' | 'newest' | undefined;
  readonly after?: number | undefined;
  readonly before?: number | undefined;
  readonly limit?: number | undefined;
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly network?: string | undefined;
}

export interface Me {
  readonly party: Party;
  readonly network: ServedNetwork;
  readonly model: ServedModel;
  readonly files: {
    readonly keys: {
      readonly bytes: number;
      readonly sha256: string;
    };
    readonly bootstrappingKeys?:
      | {
          readonly bytes: number;
          readonly sha256: string;
        }
      | undefined;
    readonly model: {
      readonly bytes: number;
      readonly sha256: string;
    };
  };
  readonly recipe?: Readonly<Record<string, unknown>> | undefined;
}

export interface Overview {
  readonly version: string;
  readonly networks: readonly ServedNetwork[];
  readonly heads: readonly ServedModel[];
  readonly parties: readonly Party[];
  readonly keys: readonly ServedKey[];
  readonly runs: readonly ServedRun[];
  readonly pendingUnlocks: readonly UnlockView[];
  readonly storage: {
    readonly blobs: number;
    readonly bytes: number;
  };
}

export interface ServiceEvent {
  readonly kind: 'run' | 'unlock' | 'model' | 'party' | 'network';
  readonly subject: string;
  readonly at: string;
}

export interface ServiceError {
  readonly schema: 1;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly expected?: string | undefined;
    readonly got?: string | undefined;
    readonly mend?: string | undefined;
  };
}
