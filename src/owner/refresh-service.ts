/**
 * Answers blinded refreshes (security rules 2 and 3). A request holds masked ciphertexts at level 0; the answer holds
 * fresh encryptions, at the level asked for, of the same masked integers. Nothing is decoded, nothing is compared with
 * a range, and what may be refused is refused for its syntax, its sizes or the budget alone, before anything is
 * decrypted: neither status nor length nor time can depend on a value.
 */
import { sha256 } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';
import { memorySink, memorySource } from '../protocol/byte-source.ts';
import type { CiphertextRecord } from '../protocol/ciphertext-record.ts';
import type { CiphertextParameters } from '../protocol/parameters.ts';
import {
  maxRefreshMessageBytes,
  type RefreshRequestMessage,
  readRefreshRequest,
  writeRefreshResponse,
} from '../protocol/refresh-message.ts';
import { type PartyAccount, RefreshLedger } from './refresh-ledger.ts';

/** What the service needs of the owner's keys. */
export interface Reencryptor {
  readonly keyId: string;
  readonly parameters: CiphertextParameters;
  /** Fresh encryptions, at `level`, of the integers in the records; in order. */
  reencrypt(records: readonly CiphertextRecord[], level: number): readonly CiphertextRecord[];
}

export interface RefreshServiceOptions {
  /** Calls that each party may make. Default 1000. */
  readonly budget?: number;
  /** Ciphertexts of one call. Default 256. */
  readonly maxCiphertexts?: number;
  /** Answers kept for each party, for requests that arrive twice. Default 4. */
  readonly remembered?: number;
  /** Called after each answer: what the owner's log shows. */
  readonly onCall?: (event: RefreshEvent) => void;
}

export interface RefreshEvent {
  readonly party: string;
  readonly run: string;
  readonly step: number;
  readonly call: string;
  readonly ciphertexts: number;
  /** The request had arrived before, and was not counted again. */
  readonly repeated: boolean;
  readonly callsLeft: number;
}

export class RefreshService {
  /** No longer request is worth reading. */
  readonly maxRequestBytes: number;
  readonly #reencryptor: Reencryptor;
  readonly #ledger: RefreshLedger;
  readonly #maxCiphertexts: number;
  readonly #onCall: (event: RefreshEvent) => void;

  constructor(reencryptor: Reencryptor, options: RefreshServiceOptions = {}) {
    const { budget = 1000, maxCiphertexts = 256, remembered = 4, onCall = () => {} } = options;
    this.maxRequestBytes = maxRefreshMessageBytes(reencryptor.parameters, 0, maxCiphertexts, 2);
    this.#reencryptor = reencryptor;
    this.#ledger = new RefreshLedger({ budget, remembered });
    this.#maxCiphertexts = maxCiphertexts;
    this.#onCall = onCall;
  }

  /**
   * The response to a request from `party`, the name under which a token was handed out. The same request again gives
   * the same bytes and is not counted again. BAD_FILE, WRONG_KEY or POLICY_DENIED, all before decryption.
   */
  async answer(party: string, request: Uint8Array): Promise<Uint8Array> {
    const { parameters, keyId } = this.#reencryptor;
    const message = await readRefreshRequest(memorySource(request), parameters, {
      maxRecords: this.#maxCiphertexts,
      onWarning: () => {},
    });
    if (message.keyId !== keyId) throw wrongKey(message.keyId, keyId);
    const digest = await sha256(request);
    const { answer, repeated } = await this.#ledger.answer(party, message, digest, () =>
      answerRefresh(this.#reencryptor, message),
    );
    const { run, step, call, records } = message;
    const { callsLeft } = this.account(party);
    this.#onCall({ party, run, step, call, ciphertexts: records.length, repeated, callsLeft });
    return answer;
  }

  /** Calls made and left. */
  account(party: string): PartyAccount {
    return this.#ledger.account(party);
  }
}

/**
 * The response to a request that was read, checked for its key, and counted: fresh encryptions of the integers in its records.
 * Of a service that keeps books of its own; `RefreshService` does all of it.
 */
export async function answerRefresh(reencryptor: Reencryptor, message: RefreshRequestMessage): Promise<Uint8Array> {
  const records = reencryptor.reencrypt(message.records, message.level);
  const sink = memorySink();
  await writeRefreshResponse(sink, { ...message, records }, reencryptor.parameters);
  return sink.bytes();
}

function wrongKey(got: string, expected: string): HermeticError {
  return new HermeticError('WRONG_KEY', 'the request was made under another key', {
    expected: `key ${expected.slice(0, 12)}…`,
    got: `${got.slice(0, 12)}…`,
    mend: 'Name the owner of this model, or train the model that belongs to this owner.',
  });
}
