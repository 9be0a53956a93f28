/**
 * The owner's secret keys, one a party and network: each at rest in an age file of its own under the owner's passphrase.
 * scrypt takes its second and a half once for each key and process; from then on the secret's coefficients, small, wait in
 * memory. All keys of a parameter set share an engine and its tables; only so many have their secret in it at once.
 */
import { join } from 'node:path';
import { HermeticError } from '../../base/errors.ts';
import { writeOwnerKeys } from '../../owner/key-file.ts';
import { loadOwnerKeys } from '../../owner/node/owner-files.ts';
import { type CreatedKeys, createKeys, type OwnerKeys, restoreKeysIn } from '../../owner/owner-keys.ts';
import { writeFileAtomically } from '../../protocol/node/atomic-file.ts';
import type { PassphraseOptions } from '../../protocol/secret/passphrase.ts';
import { CkksContext } from '../../schemes/ckks/context.ts';
import type { CkksParameters } from '../../schemes/ckks/parameters.ts';

export interface KeyRingOptions extends PassphraseOptions {
  readonly folder: string;
  readonly passphrase: string;
  /** Of a set's engine. Default: all cores. */
  readonly threads?: number;
  /** Keys that have their secret in an engine at once, some megabytes each. Default 64. */
  readonly capacity?: number;
  /** Called with each secret that was made, or took scrypt to open: for another ring over the same folder to `learn`. */
  readonly onSecret?: (keyId: string, secret: Secret) => void;
}

export interface Secret {
  readonly parameters: CkksParameters;
  /** As `SecretKey.toBytes` gives them. */
  readonly coefficients: Uint8Array;
}

interface Loaded {
  readonly keys: Promise<OwnerKeys>;
  users: number;
}

export class KeyRing {
  readonly #options: KeyRingOptions;
  readonly #capacity: number;
  readonly #secrets = new Map<string, Secret>();
  /** By parameter set. */
  readonly #contexts = new Map<string, Promise<CkksContext>>();
  /** Least recently used first. */
  readonly #loaded = new Map<string, Loaded>();

  constructor(options: KeyRingOptions) {
    this.#options = options;
    this.#capacity = options.capacity ?? 64;
  }

  /** Makes a key, puts its secret on the disk, and lends it with its public keys until `work` is done. */
  async create<T>(set: string, work: (keys: CreatedKeys) => Promise<T>): Promise<T> {
    const { passphrase } = this.#options;
    const keys = await createKeys({ set, ...this.#threads() });
    try {
      const path = this.#pathOf(keys.keyId);
      await writeFileAtomically(path, (sink) => writeOwnerKeys(sink, keys, passphrase, this.#options), { mode: 0o600 });
      this.#remember(keys);
      return await work(keys);
    } finally {
      keys.dispose();
    }
  }

  /**
   * Lends a key until `work` is done.
   * @throws HermeticError WRONG_PASSPHRASE; DISK, also for a file that is damaged or open to others; what `work` throws
   */
  async use<T>(keyId: string, work: (keys: OwnerKeys) => T | Promise<T>): Promise<T> {
    const loaded = this.#loaded.get(keyId) ?? { keys: this.#load(keyId), users: 0 };
    this.#loaded.delete(keyId);
    this.#loaded.set(keyId, loaded);
    loaded.users++;
    try {
      return await work(await loaded.keys);
    } finally {
      loaded.users--;
      await this.#makeRoom();
    }
  }

  /** @throws HermeticError WRONG_PASSPHRASE unless the passphrase opens this key */
  async check(keyId: string): Promise<void> {
    await this.use(keyId, () => {});
  }

  /** Takes a secret that another ring opened. It is this ring's from now on, which overwrites it in the end. */
  learn(keyId: string, secret: Secret): void {
    if (this.#secrets.has(keyId)) secret.coefficients.fill(0);
    else this.#secrets.set(keyId, secret);
  }

  /** Overwrites every secret. Keys that are lent are waited for. */
  async close(): Promise<void> {
    while ([...this.#loaded.values()].some(({ users }) => users > 0))
      await new Promise((resume) => setTimeout(resume, 5));
    await this.#makeRoom(0);
    for (const { coefficients } of this.#secrets.values()) coefficients.fill(0);
    this.#secrets.clear();
    for (const context of this.#contexts.values()) (await context.catch(() => undefined))?.dispose();
    this.#contexts.clear();
  }

  async #load(keyId: string): Promise<OwnerKeys> {
    try {
      const { parameters, coefficients } = this.#secrets.get(keyId) ?? (await this.#unlock(keyId));
      return restoreKeysIn(await this.#context(parameters), keyId, coefficients);
    } catch (error) {
      this.#loaded.delete(keyId);
      throw error;
    }
  }

  #context(parameters: CkksParameters): Promise<CkksContext> {
    const { set } = parameters;
    const known = this.#contexts.get(set);
    if (known !== undefined) return known;
    const made = CkksContext.create(parameters, this.#threads());
    made.catch(() => this.#contexts.delete(set));
    this.#contexts.set(set, made);
    return made;
  }

  async #unlock(keyId: string): Promise<Secret> {
    const { passphrase } = this.#options;
    const options = { passphrase, threads: 1, onWarning: () => {} };
    const keys = await loadOwnerKeys(this.#pathOf(keyId), options).catch((error: unknown) => {
      throw error instanceof HermeticError && error.code === 'BAD_FILE' ? unusable(error.summary, error) : error;
    });
    try {
      if (keys.keyId !== keyId) throw unusable(`the file of the key ${keyId.slice(0, 12)}… holds another key`);
      return this.#remember(keys);
    } finally {
      keys.dispose();
    }
  }

  #remember({ context, secret, keyId }: OwnerKeys): Secret {
    const known = { parameters: context.parameters, coefficients: secret.toBytes() };
    this.#secrets.set(keyId, known);
    this.#options.onSecret?.(keyId, known);
    return known;
  }

  /** Takes the secrets that nobody uses out of their engine, the longest unused first. */
  async #makeRoom(capacity: number = this.#capacity): Promise<void> {
    for (const [keyId, { keys, users }] of [...this.#loaded]) {
      if (this.#loaded.size <= capacity) return;
      if (users > 0) continue;
      this.#loaded.delete(keyId);
      (await keys.catch(() => undefined))?.dispose();
    }
  }

  #threads(): { readonly threads?: number } {
    const { threads } = this.#options;
    return threads === undefined ? {} : { threads };
  }

  #pathOf(keyId: string): string {
    if (!/^[0-9a-f]{16,64}$/.test(keyId)) throw new RangeError('keyId: expected hexadecimal digits');
    return join(this.#options.folder, `${keyId}.key`);
  }
}

/** A fault of the store, and not of whoever sent a file. */
function unusable(summary: string, cause?: unknown): HermeticError {
  return new HermeticError('DISK', summary, { mend: 'Restore the folder of keys from a backup.', cause });
}
