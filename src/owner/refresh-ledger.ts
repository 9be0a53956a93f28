/**
 * The owner's book of refresh calls: who asked for what, how often, and what was answered. It makes a call idempotent
 * (the same request, sent twice, is answered and counted once) and keeps each party within its budget. All that it
 * knows and decides by is public: names, digests of requests, counts.
 */
import { bytesToHex } from '../base/bytes.ts';
import { checkInteger } from '../base/checks.ts';
import { HermeticError } from '../base/errors.ts';
import type { RefreshCall } from '../protocol/refresh-message.ts';
import { OTHER_REQUEST } from '../protocol/refresh-transport.ts';

export interface LedgerOptions {
  /** Calls that each party may make. */
  readonly budget: number;
  /** Answers kept for each party, for requests that arrive twice. */
  readonly remembered: number;
}

/** Where a party stands. */
export interface PartyAccount {
  readonly calls: number;
  readonly callsLeft: number;
  readonly runs: number;
}

interface Entry {
  readonly digest: string;
  readonly step: number;
  answer: Promise<Uint8Array> | undefined;
}

interface Party {
  readonly entries: Map<string, Entry>;
  readonly runs: Set<string>;
  /** Keys of the entries whose answers are kept, oldest first. */
  readonly kept: string[];
}

export interface LedgerAnswer {
  readonly answer: Uint8Array;
  /** True where the request had arrived before. */
  readonly repeated: boolean;
}

export class RefreshLedger {
  readonly #options: LedgerOptions;
  readonly #parties = new Map<string, Party>();

  constructor(options: LedgerOptions) {
    checkInteger('budget', options.budget, 1, 2 ** 24);
    checkInteger('remembered', options.remembered, 1, 2 ** 16);
    this.#options = options;
  }

  /**
   * The answer to `call`: the one already given, or else that of `compute`, which counts. A failed computation counts
   * nothing. POLICY_DENIED when the budget is used up, when a call's name comes back with another request, and for a
   * repeated call whose answer is no longer kept (its sender has gone on long since).
   */
  async answer(
    party: string,
    call: RefreshCall,
    digest: Uint8Array,
    compute: () => Promise<Uint8Array>,
  ): Promise<LedgerAnswer> {
    const book = this.#bookOf(party);
    const key = `${call.run}\n${call.call}`;
    const known = book.entries.get(key);
    if (known !== undefined) return { answer: await repeated(known, call, digest), repeated: true };
    if (book.entries.size >= this.#options.budget) throw exhausted(this.#options.budget);
    const entry: Entry = { digest: bytesToHex(digest), step: call.step, answer: compute() };
    book.entries.set(key, entry);
    try {
      const answer = await entry.answer!;
      book.runs.add(call.run);
      this.#keep(book, key);
      return { answer, repeated: false };
    } catch (error) {
      book.entries.delete(key);
      throw error;
    }
  }

  account(party: string): PartyAccount {
    const { entries, runs } = this.#parties.get(party) ?? { entries: { size: 0 }, runs: { size: 0 } };
    return { calls: entries.size, callsLeft: this.#options.budget - entries.size, runs: runs.size };
  }

  #bookOf(party: string): Party {
    const book = this.#parties.get(party) ?? { entries: new Map(), runs: new Set(), kept: [] };
    this.#parties.set(party, book);
    return book;
  }

  #keep(book: Party, key: string): void {
    book.kept.push(key);
    while (book.kept.length > this.#options.remembered) {
      const oldest = book.entries.get(book.kept.shift()!);
      if (oldest !== undefined) oldest.answer = undefined;
    }
  }
}

function repeated(known: Entry, call: RefreshCall, digest: Uint8Array): Promise<Uint8Array> {
  if (known.digest !== bytesToHex(digest) || known.step !== call.step) {
    throw new HermeticError('POLICY_DENIED', OTHER_REQUEST, {
      mend: 'Give every refresh a call name of its own.',
    });
  }
  if (known.answer !== undefined) return known.answer;
  throw new HermeticError('POLICY_DENIED', 'this call was answered long ago', { mend: 'Nothing needs to be done.' });
}

function exhausted(budget: number): HermeticError {
  return new HermeticError('POLICY_DENIED', 'the budget of refresh calls is used up', {
    expected: `at most ${budget} calls`,
    mend: 'Ask the owner for more, and run the same command again to go on from the checkpoint.',
  });
}
