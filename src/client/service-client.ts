/**
 * The owner's service, called by its owner or by a trainer; the same in Node and in browsers. Requests are typed, every
 * answer is checked against the contract, and calls that can be made twice without harm survive a connection that breaks.
 */
import type * as z from 'zod';
import { pause } from '../base/pause.ts';
import { httpTransport } from '../protocol/http-transport.ts';
import type { RefreshTransport } from '../protocol/refresh-transport.ts';
import { parseBearerToken } from '../protocol/server-address.ts';
import * as schemas from '../protocol/service/schemas.ts';
import type {
  Accepted,
  AcceptRequest,
  AuditPage,
  AuditQuery,
  CreateNetwork,
  Gates,
  Invitation,
  InvitationRequest,
  Lineage,
  Me,
  Overview,
  Party,
  Progress,
  RunHistory,
  ServedKey,
  ServedModel,
  ServedNetwork,
  ServedRun,
  ServiceEvent,
  SubmissionRequest,
  UnlockPolicy,
  UnlockRequest,
  UnlockView,
  Upload,
  UploadRequest,
} from '../protocol/service/types.ts';
import { bytesOf, type Health, health, jsonOf, unlockList } from './answers.ts';
import { type Call, Connection, type ConnectionOptions } from './connection.ts';
import { collectVerified, type DownloadOptions, type FileDigest, resumingStream } from './download.ts';
import { type EventOptions, readEvents } from './events.ts';
import { ServiceUnavailable } from './service-error.ts';
import { hashOfToken, newToken } from './token.ts';
import { MAX_PART_BYTES, type UploadOptions, uploadWhole } from './upload.ts';

/** Of every call: stops it, further attempts included. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface Acceptance {
  readonly code: string;
  /** What records are signed with: without it, nothing that this party trains is accepted. */
  readonly publicKey?: string;
  readonly token?: string;
}

export interface AcceptedInvitation extends Accepted {
  readonly token: string;
}

/** What an owner may change of a party. */
export interface PartyChange {
  readonly refreshBudget?: number;
  readonly unlocks?: UnlockPolicy;
  /** From now until its token expires. */
  readonly hours?: number;
}

/** A trainer's own files, in the words of their addresses. */
export type TrainerFile = 'keys' | 'model' | 'bootstrapping-keys';

const MAX_MODEL_BYTES = 2 ** 31;
/** Making keys, sealing and testing a model take the service this long at most. */
const LONG_MS = 3_600_000;

/**
 * Every method throws ServiceRefusal (a HermeticError with the service's code, mend and HTTP status),
 * ServiceUnavailable after the last attempt, HermeticError ABORTED when its signal fires, and REFRESH_FAILED for an
 * answer that is not of the contract.
 */
export class ServiceClient {
  readonly #connection: Connection;
  readonly #options: ConnectionOptions;

  /** @throws HermeticError BAD_ARGUMENT for an address or a token that cannot be used */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#connection = new Connection(options);
  }

  /** Base address of the service. */
  get url(): string {
    return this.#connection.base.href;
  }

  /** The same service, called with another token. */
  withToken(token: string): ServiceClient {
    return new ServiceClient({ ...this.#options, token });
  }

  // For anyone

  health(options?: CallOptions): Promise<Health> {
    return this.#get('v1/health', health, options);
  }

  /**
   * A code works once, for one token: made here unless it is given. Where no answer came, the same code, token and key again
   * are the same acceptance: keep them until there is one.
   */
  async acceptInvitation(
    { code, publicKey, token = newToken() }: Acceptance,
    options?: CallOptions,
  ): Promise<AcceptedInvitation> {
    const json: AcceptRequest = {
      code,
      tokenHash: await hashOfToken(parseBearerToken(token)),
      ...(publicKey !== undefined && { publicKey }),
    };
    const call = { method: 'POST', path: 'v1/invitations/accept', json, repeatable: true, ...options } as const;
    return { token, ...(await this.#json(call, schemas.acceptedSchema)) };
  }

  // For the owner

  overview(options?: CallOptions): Promise<Overview> {
    return this.#get('v1/overview', schemas.overviewSchema, options);
  }

  /** Listens until the signal fires, over connections that break as well. Ends only by the signal or a refusal. */
  async events(onEvent: (event: ServiceEvent) => void, options: EventOptions = {}): Promise<void> {
    const { signal, onOpen, idleMs } = options;
    const headers = { accept: 'text/event-stream' };
    const call = { method: 'GET', path: 'v1/events', headers, repeatable: true, stream: true, signal } as const;
    while (!signal?.aborted) {
      const body = await this.#connection
        .call(call, async (answer) => answer.body)
        .catch((error: unknown) => {
          if (signal?.aborted || error instanceof ServiceUnavailable) return null;
          throw error;
        });
      if (body !== null) onOpen?.();
      if (body !== null) await readEvents(body, onEvent, idleMs);
      await pause(Math.max(this.#connection.retryDelayMs, 1), signal);
    }
  }

  /** Makes the owner's key and seals the first model. Takes from seconds to minutes. */
  createNetwork(body: CreateNetwork, options?: CallOptions): Promise<ServedNetwork> {
    return this.#post('v1/networks', body, schemas.networkSchema, options, LONG_MS);
  }

  network(id: string, options?: CallOptions): Promise<ServedNetwork> {
    return this.#get(`v1/networks/${part(id)}`, schemas.networkSchema, options);
  }

  lineage(id: string, options?: CallOptions): Promise<Lineage> {
    return this.#get(`v1/networks/${part(id)}/lineage`, schemas.lineageSchema, options);
  }

  setGates(id: string, gates: Gates, options?: CallOptions): Promise<ServedNetwork> {
    return this.#patch(`v1/networks/${part(id)}`, { gates }, schemas.networkSchema, options);
  }

  /** Makes a key of the party's own and gives the head to it under that key. The code is shown this once. */
  invite(body: InvitationRequest, options?: CallOptions): Promise<Invitation> {
    return this.#post('v1/invitations', body, schemas.invitationSchema, options, LONG_MS);
  }

  revoke(partyId: string, options?: CallOptions): Promise<Party> {
    const call = { method: 'DELETE', path: `v1/parties/${part(partyId)}`, repeatable: true } as const;
    return this.#json({ ...call, ...options }, schemas.partySchema);
  }

  /** A fresh key, with the head sealed anew under it; the old key is retired. */
  rekey(partyId: string, options?: CallOptions): Promise<Party> {
    return this.#post(`v1/parties/${part(partyId)}/rekey`, {}, schemas.partySchema, options, LONG_MS);
  }

  /** Lets go of what was sealed under a key: answers are charged to it no more, and its trainer may come to read it. */
  giveUpKey(id: string, options?: CallOptions): Promise<ServedKey> {
    return this.#post(`v1/keys/${part(id)}/give-up`, {}, schemas.keySchema, options);
  }

  changeParty(partyId: string, change: PartyChange, options?: CallOptions): Promise<Party> {
    return this.#patch(`v1/parties/${part(partyId)}`, change, schemas.partySchema, options);
  }

  /** The sealed file of any model. */
  modelFile(id: string, options?: DownloadOptions): ReadableStream<Uint8Array> {
    return resumingStream(this.#connection, `v1/models/${part(id)}/file`, options);
  }

  /** The model in the clear, a safetensors file. The owner's books say so. */
  openModel(id: string, options?: CallOptions): Promise<Uint8Array> {
    const path = `v1/models/${part(id)}/open`;
    const call = { method: 'POST', path, repeatable: true, timeoutMs: LONG_MS, ...options } as const;
    return this.#connection.call(call, (response) => bytesOf(response, MAX_MODEL_BYTES));
  }

  async unlocks(status?: UnlockView['status'], options?: CallOptions): Promise<UnlockView[]> {
    const query = status === undefined ? '' : `?status=${status}`;
    return (await this.#get(`v1/unlocks${query}`, unlockList, options)).unlocks;
  }

  approve(id: string, reason?: string, options?: CallOptions): Promise<UnlockView> {
    return this.#decide(id, 'approve', reason, options);
  }

  deny(id: string, reason?: string, options?: CallOptions): Promise<UnlockView> {
    return this.#decide(id, 'deny', reason, options);
  }

  /** How a run went from its beginning on. */
  runHistory(partyId: string, run: string, options?: CallOptions): Promise<RunHistory> {
    return this.#get(`v1/parties/${part(partyId)}/runs/${part(run)}`, schemas.runHistorySchema, options);
  }

  /** A page of the log; `next` of the answer is the `after`, or `before`, of the following one. */
  audit(asked: AuditQuery = {}, options?: CallOptions): Promise<AuditPage> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(asked)) if (value !== undefined) query.set(name, `${value}`);
    return this.#get(`v1/audit${query.size > 0 ? `?${query}` : ''}`, schemas.auditPageSchema, options);
  }

  // For a trainer

  me(options?: CallOptions): Promise<Me> {
    return this.#get('v1/me', schemas.meSchema, options);
  }

  /** One of the trainer's files; `downloadVerified` takes it whole and compares it with what `me` says of it. */
  download(file: TrainerFile, options?: DownloadOptions): ReadableStream<Uint8Array> {
    return resumingStream(this.#connection, `v1/me/${file}`, options);
  }

  /** Blinded refreshes, for `fit`; it makes its own further attempts. */
  refreshTransport(): RefreshTransport {
    const { token = '' } = this.#connection;
    return httpTransport({ url: this.url, token, fetch: this.#connection.send, onWarning: () => {} });
  }

  reportProgress(run: string, progress: Progress, options?: CallOptions): Promise<ServedRun> {
    const call = { method: 'PUT', path: `v1/runs/${part(run)}`, json: progress, repeatable: true } as const;
    return this.#json({ ...call, ...options }, schemas.runSchema);
  }

  /** Sends a file in parts, going on where a connection breaks; complete once the service has compared its SHA-256. */
  upload(kind: UploadRequest['kind'], content: Uint8Array | Blob, options?: UploadOptions): Promise<Upload> {
    const connection = this.#connection;
    const at = (id: string) => `v1/uploads/${part(id)}`;
    const begin = { method: 'POST', path: 'v1/uploads', repeatable: true } as const;
    const calls = {
      begin: (json: UploadRequest, signal?: AbortSignal) =>
        this.#json({ ...begin, json, signal }, schemas.uploadSchema),
      state: (id: string, signal?: AbortSignal) => this.#get(at(id), schemas.uploadSchema, signal && { signal }),
      send: (id: string, offset: number, body: Uint8Array | Blob, signal?: AbortSignal) => {
        const call = { method: 'PATCH', path: `${at(id)}?offset=${offset}`, body, repeatable: false, signal } as const;
        return connection.once({ ...call, accept: OK }, (response) =>
          jsonOf(response, call.path, schemas.uploadSchema),
        );
      },
      persist: <T>(attempt: () => Promise<T>, signal?: AbortSignal) =>
        connection.persist(attempt, { repeatable: true, signal }),
    };
    const partBytes = Math.min(options?.partBytes ?? MAX_PART_BYTES / 4, MAX_PART_BYTES);
    return uploadWhole(calls, kind, content, { ...options, partBytes });
  }

  /** Hands a trained model in. The owner's gates decide: the answer's status is 'accepted' or 'refused'. */
  submit(body: SubmissionRequest, options?: CallOptions): Promise<ServedModel> {
    return this.#post('v1/submissions', body, schemas.modelSchema, options, LONG_MS);
  }

  requestUnlock(body: UnlockRequest, options?: CallOptions): Promise<UnlockView> {
    return this.#post('v1/unlocks', body, schemas.unlockSchema, options, LONG_MS);
  }

  unlockStatus(id: string, options?: CallOptions): Promise<UnlockView> {
    return this.#get(`v1/unlocks/${part(id)}`, schemas.unlockSchema, options);
  }

  // How

  #decide(id: string, verb: 'approve' | 'deny', reason: string | undefined, options?: CallOptions) {
    const body = reason === undefined ? {} : { reason };
    return this.#post(`v1/unlocks/${part(id)}/${verb}`, body, schemas.unlockSchema, options, LONG_MS);
  }

  #get<T>(path: string, schema: z.ZodType<T>, options?: CallOptions): Promise<T> {
    return this.#json({ method: 'GET', path, repeatable: true, ...options }, schema);
  }

  #post<T>(path: string, json: unknown, schema: z.ZodType<T>, options?: CallOptions, timeoutMs?: number): Promise<T> {
    const call = { method: 'POST', path, json, repeatable: false, ...options } as const;
    return this.#json({ ...call, ...(timeoutMs !== undefined && { timeoutMs }) }, schema);
  }

  #patch<T>(path: string, json: unknown, schema: z.ZodType<T>, options?: CallOptions): Promise<T> {
    return this.#json({ method: 'PATCH', path, json, repeatable: true, ...options }, schema);
  }

  #json<T>(call: Call, schema: z.ZodType<T>): Promise<T> {
    return this.#connection.call({ ...call, accept: OK }, (response) => jsonOf(response, call.path, schema));
  }
}

/** One of the trainer's files, whole, once its SHA-256 is what `me` says. @throws HermeticError BAD_FILE */
export function downloadVerified(
  client: Pick<ServiceClient, 'download'>,
  file: TrainerFile,
  digest: FileDigest,
  options?: Omit<DownloadOptions, 'offset'>,
): Promise<Uint8Array> {
  return collectVerified(client.download(file, options), digest);
}

const OK = [200, 201];

/** An identifier as one part of a path. */
function part(id: string): string {
  return encodeURIComponent(id);
}
