/**
 * The owner's book of what was answered under a key (security rule 1). Whoever hands in a file of predictions chooses its
 * ciphertexts, so every answer may tell of the secret key s itself, and the errors of coarse answers average out. What
 * protects is that few bits are answered in all, charged before anything is decrypted.
 *
 * Why bits, not rows or outputs. Whoever names m coefficients of s with the help of B bits names them without, by
 * guessing the bits, with 2^-B of the chance; a coefficient is uniform in −1, 0, 1. So B bits are worth B/log2(3)
 * coefficients, however they are used, and an attack that gets there exists: a product that wraps around the modulus at
 * chosen places answers whether these coefficients are 1, one a bit (`src/attacks/unlock-wrap.ts`). One output of 12
 * bits tells of as many; to count it once, as the one linear functional that it is, would be wrong.
 *
 * Why so many. A known coefficient is a perfect hint (Dachman-Soled, Ducas, Gong and Rossi 2020/292, section 4.1): what
 * is left is LWE of dimension N − 1. A bit is charged as a whole one. Bits about other functionals (their modular and
 * approximate hints) enlarge the lattice by as many bits, where a dimension less is worth log2 QP of them.
 *
 * Whose bits. (0, K) is an encryption of K·s that anybody can make: a trainer may add it to the weights that it returns, too
 * small for a gate to see. Opened, and sealed anew for somebody else, such weights still hold K·s, and so do all networks that
 * are trained from them. Hence an answer is charged to every key that its weights went through a trainer under: to that of the
 * ciphertext, if a trainer made it, and to those of the accepted models among the ancestors (`carried`).
 */
import { checkInteger } from '../base/checks.ts';
import { HermeticError } from '../base/errors.ts';
import { MAX_LOG_QP } from '../rlwe/security-table.ts';
import type { CkksParameters } from '../schemes/ckks/parameters.ts';

/** One answer that leaves the owner. The same answer twice tells nothing new and counts once. */
export interface UnlockAnswer {
  /** Identity of the file of predictions. */
  readonly predictions: string;
  readonly row: number;
  /** What is released, in words that differ where it does. */
  readonly release: string;
  /** At least log2 of the number of possible answers. */
  readonly bits: number;
}

/** What was answered, by key. */
export type UnlockEntries = ReadonlyMap<string, readonly UnlockAnswer[]>;

/** Where entries are kept. */
export interface UnlockBook {
  read(): Promise<UnlockEntries>;
  /**
   * Replaces the entries by what `change` makes of them, while nobody else does. Resolves when they are kept for good;
   * changes nothing where `change` throws.
   */
  update(change: (entries: UnlockEntries) => UnlockEntries): Promise<void>;
}

/** Where a key stands, in bits. */
export interface UnlockAccount {
  readonly used: number;
  readonly left: number;
  readonly limit: number;
}

/** What a ledger must know of a key. */
export interface CountedKey {
  readonly keyId: string;
  readonly context: { readonly parameters: LimitedParameters };
}

export type LimitedParameters = Pick<CkksParameters, 'N' | 'logN' | 'logQP' | 'insecure'>;

/** More than any answer has. */
const MOST_BITS = 64;

/** What a set at the table's bound can spare: a 128th of its dimension. */
const SPARE = 1 / 128;

/**
 * The most bits that are answered under one key: k = ⌊N·(1 − (127/128)·log QP/bound)⌋, with the table's bound for N. At a
 * given modulus the bits of security are proportional to the dimension, and 128 of them take N·log QP/bound: N − k leaves
 * 127. (They fall a little faster than that; less than the log2(3) by which a bit is overcharged.) Of sets that bootstrap
 * log QP is that of the whole chain. Insecure sets have nothing to lose: N/128, at least 2, so that tests see a limit.
 */
export function unlockLimit({ N, logN, logQP, insecure }: LimitedParameters): number {
  const bound = MAX_LOG_QP.get(logN);
  if (insecure || bound === undefined) return Math.max(2, Math.floor(N * SPARE));
  return Math.max(0, Math.floor(N * (1 - (1 - SPARE) * (logQP / bound))));
}

export class UnlockLedger {
  /** Keys that are charged besides: those that the weights went through on their way to the key in hand. */
  readonly carried: readonly CountedKey[];
  readonly #book: UnlockBook;

  /**
   * @param book of the key in hand and of those carried. Default: in this object's memory, for keys that do not outlive it
   * @param carried default: none, for networks that no trainer had before under another key
   */
  constructor(book: UnlockBook = memoryBook(), carried: readonly CountedKey[] = []) {
    this.#book = book;
    this.carried = carried;
  }

  /** As `chargeAll`, for answers that are decrypted under this key: to it, and to those carried. */
  async charge(key: CountedKey, answers: readonly UnlockAnswer[]): Promise<void> {
    await this.chargeAll([key, ...this.carried], answers);
  }

  /**
   * Enters those of the answers that are new under each of the keys; all of them under all keys, or none. To be awaited
   * before anything is decrypted: whatever happens after that, too much is counted and never too little.
   * @throws HermeticError POLICY_DENIED where they exceed the limit of one; what the book throws
   */
  async chargeAll(keys: readonly CountedKey[], answers: readonly UnlockAnswer[]): Promise<void> {
    for (const { bits } of answers) checkInteger('bits', bits, 1, MOST_BITS);
    if (keys.length === 0) return;
    await this.#book.update((entries) => keys.reduce((changed, key) => entered(changed, key, answers), entries));
  }

  /** What was answered under this key, oldest first. */
  async answers({ keyId }: Pick<CountedKey, 'keyId'>): Promise<readonly UnlockAnswer[]> {
    return (await this.#book.read()).get(keyId) ?? [];
  }

  /** Of the key in hand and those carried, the one that has the fewest bits left. */
  async account(key: CountedKey): Promise<UnlockAccount> {
    const entries = await this.#book.read();
    const accounts = [key, ...this.carried].map((each) => accountOf(entries.get(each.keyId) ?? [], each));
    return accounts.reduce((scarcest, account) => (account.left < scarcest.left ? account : scarcest));
  }
}

function entered(entries: UnlockEntries, key: CountedKey, answers: readonly UnlockAnswer[]): UnlockEntries {
  const known = entries.get(key.keyId) ?? [];
  const added = newAnswers(known, answers);
  if (added.length === 0) return entries;
  const account = accountOf(known, key);
  if (bitsOf(added) > account.left) throw exhausted(account, bitsOf(added));
  return new Map(entries).set(key.keyId, [...known, ...added]);
}

function memoryBook(): UnlockBook {
  let entries: UnlockEntries = new Map();
  return {
    read: async () => entries,
    update: async (change) => {
      entries = change(entries);
    },
  };
}

function newAnswers(known: readonly UnlockAnswer[], answers: readonly UnlockAnswer[]): UnlockAnswer[] {
  const names = new Set(known.map(nameOf));
  return answers.filter((answer) => {
    const name = nameOf(answer);
    return !names.has(name) && names.add(name);
  });
}

function nameOf({ predictions, row, release }: UnlockAnswer): string {
  return `${predictions}/${row}/${release}`;
}

function bitsOf(answers: readonly UnlockAnswer[]): number {
  return answers.reduce((sum, { bits }) => sum + bits, 0);
}

function accountOf(known: readonly UnlockAnswer[], { context }: CountedKey): UnlockAccount {
  const limit = unlockLimit(context.parameters);
  const used = bitsOf(known);
  return { used, left: Math.max(0, limit - used), limit };
}

function exhausted({ used, left, limit }: UnlockAccount, asked: number): HermeticError {
  return new HermeticError('POLICY_DENIED', 'so much is not answered under one key', {
    expected: `at most ${left} bits: ${used} of ${limit} are used up`,
    got: `${asked}`,
    mend:
      'Ask for fewer rows, or rekey: a new key, one for each party and round, has a count of its own. Of a network that a ' +
      'trainer returned, answers count under the key that it had as well. Only answers that no trainer ever sees go ' +
      'uncounted (--private).',
  });
}
