/** What the service has done in the threads that hold the secret keys: names, arguments, results. All can be cloned. */
import type { HeldOutFigures } from '../../owner/gates.ts';
import type { UnlockDecision } from '../../owner/unlock-policy.ts';
import type { RefreshRequestMessage } from '../../protocol/refresh-message.ts';
import type { CreateNetwork, GateResult, Gates, UnlockPolicy } from '../../protocol/service/types.ts';
import type { Blob } from '../node/blob-files.ts';

/** A sealed file in the store. */
export interface SealedFile {
  readonly sha256: string;
  /** Its parameter set. */
  readonly set: string;
}

export interface NewKey {
  readonly keyId: string;
  readonly set: string;
  readonly trainerKeys: Blob;
  readonly bootstrappingKeys: Blob | undefined;
}

export interface StoredModel extends Blob {
  /** Identity of the sealed file. */
  readonly id: string;
}

/** A new key, and a model sealed under it. */
export interface Handed {
  readonly key: NewKey;
  readonly model: StoredModel;
}

export interface MadeNetwork extends Handed {
  readonly batch: number;
  /** JSON. */
  readonly architecture: string;
  readonly settings: string;
  /** How its recipe trains, where it has one. */
  readonly training: string | undefined;
  /** Held out. */
  readonly rows: Blob | undefined;
  readonly heldOutRows: number;
  /** Of the first weights on them. */
  readonly figures: HeldOutFigures | undefined;
}

/** What must not change while a model is with its trainer: all that the next one is handed, but for the weights. */
export const MODEL_FIELDS = ['architecture', 'packing', 'features', 'demonstration', 'initialization'] as const;

/** What a file says of its model, without its ciphertexts. */
export interface ModelFacts {
  readonly modelId: string;
  readonly keyId: string;
  /** Canonical JSON. */
  readonly fields: Readonly<Record<(typeof MODEL_FIELDS)[number], string>>;
}

export interface JudgeWish {
  readonly keyId: string;
  readonly set: string;
  /** Files, by their SHA-256. */
  readonly before: string;
  readonly after: string;
  readonly heldOut: string | undefined;
  /** JSON. */
  readonly architecture: string;
  readonly features: string;
  readonly gates: Gates;
}

export interface Judgement {
  readonly results: readonly GateResult[];
  /** On the held-out rows; undefined where there are none, or the weights cannot be opened. */
  readonly figures: HeldOutFigures | undefined;
}

export interface UnlockJob extends SealedFile {
  readonly verb: 'decide' | 'approve';
  readonly keyId: string;
  readonly outputs: number;
  readonly rows: readonly number[];
  readonly features: readonly (readonly number[])[] | undefined;
  readonly policy: UnlockPolicy;
}

export interface ReadRefresh {
  readonly message: RefreshRequestMessage;
  /** SHA-256 of the request, in hexadecimal. */
  readonly digest: string;
}

export interface Jobs {
  /** Opens a key. @throws HermeticError WRONG_PASSPHRASE, DISK */
  check(keyId: string): void;
  /** @throws HttpProblem; HermeticError BAD_ARGUMENT, BAD_DATA, PLAN_REFUSED */
  makeNetwork(wish: { readonly wish: CreateNetwork; readonly set: string }): MadeNetwork;
  /** A sealed model anew under a fresh key of `set`. @throws HermeticError as `rekey` of the owner */
  handOut(wish: { readonly model: SealedFile; readonly keyId: string; readonly set: string }): Handed;
  /** @throws HermeticError BAD_FILE; WRONG_KEY for a file of another parameter set */
  describeModel(file: SealedFile): ModelFacts;
  /** As safetensors. @throws HermeticError as `open` of the owner */
  openModel(wish: { readonly model: SealedFile; readonly keyId: string }): Uint8Array;
  /** The owner's gates on a model that came back. What it costs must have been charged before. */
  judge(wish: JudgeWish): Judgement;
  /** Asks its caller as `UnlockAsks` says. @throws HttpProblem; HermeticError BAD_FILE, WRONG_KEY, BAD_ARGUMENT */
  unlock(wish: UnlockJob): UnlockDecision;
  /** Checks a request's syntax, sizes and residues; uses no key. The body is moved. @throws HermeticError BAD_FILE, WRONG_KEY */
  readRefresh(wish: { readonly set: string; readonly body: Uint8Array; readonly maxRecords: number }): ReadRefresh;
  /** The response. The message's residues are moved. */
  reencrypt(wish: { readonly keyId: string; readonly message: RefreshRequestMessage }): Uint8Array;
}

export type JobName = keyof Jobs;
export type Argument<K extends JobName> = Parameters<Jobs[K]>[0];
export type Result<K extends JobName> = ReturnType<Jobs[K]>;
