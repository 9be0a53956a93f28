/**
 * The ledger of unlocked predictions in a file beside owner.key. It is written before an answer is given, as a whole or
 * not at all, and by one process at a time: what is lost in a crash is an answer, never its entry.
 */
import { lstat, realpath } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import * as z from 'zod';
import { bytesToHex, bytesToUtf8, sha256, utf8ToBytes } from '../../base/bytes.ts';
import { HermeticError } from '../../base/errors.ts';
import { badFile } from '../../protocol/bad-file.ts';
import { writableTarget, writeFileAtomically } from '../../protocol/node/atomic-file.ts';
import { diskError } from '../../protocol/node/disk-error.ts';
import { withFileSource } from '../../protocol/node/file-source.ts';
import { type Lock, lockIn } from '../../protocol/node/lock.ts';
import { checkHeader, count, hexIdentifier } from '../../protocol/schema.ts';
import { ownerKeyHeader } from '../../protocol/secret/owner-key.ts';
import { parameterSet } from '../../schemes/ckks/parameters.ts';
import { type UnlockAnswer, type UnlockBook, type UnlockEntries, UnlockLedger } from '../unlock-ledger.ts';
import { refuseServiceKey } from './service-keys.ts';

const VERSION = 2;
/** Far above what the limits let a file become. */
const MAX_BYTES = 2 ** 26;
const MAX_CARRIED = 1000;
/** How long a change waits for other processes to leave off. */
const PATIENCE_MS = 10_000;
const POLL_MS = 10;

const NO_RESET =
  'Restore it from a backup. Without one the count is lost, and with it the use of this key: rekey the model to a new one.';

const answer = z.strictObject({
  predictions: hexIdentifier,
  row: count(2 ** 32),
  release: z.string().max(100),
  bits: count(64),
});

const keyEntries = z.record(hexIdentifier, z.array(answer));

const carriedKey = z.strictObject({
  keyId: hexIdentifier,
  /** Where its owner.key is, seen from this file's folder. */
  path: z.string().min(1).max(4096),
  parameters: z.strictObject({
    N: count(2 ** 17),
    logN: count(17),
    logQP: z.number().positive(),
    insecure: z.boolean(),
  }),
});

type CarriedKey = z.infer<typeof carriedKey>;

const content = z.strictObject({ keys: keyEntries, carried: z.array(carriedKey).max(MAX_CARRIED) });

type Content = z.infer<typeof content>;

const ledgerFile = z.strictObject({
  version: z.literal(VERSION),
  ...content.shape,
  /** SHA-256 of the JSON text of `keys` and `carried`: finds accidents. */
  digest: z.string(),
});

/** Of files written before weights were known to carry keys. */
const firstLedgerFile = z.strictObject({ version: z.literal(1), keys: keyEntries, digest: z.string() });

/**
 * The ledger of the key in this file: NAME.unlocks in its folder, links followed. Where there is none yet, nothing was
 * answered. Two paths to one key share it; a copy of the key in another folder does not: move both together. Answers are
 * charged to the keys that networks were rekeyed from as well, in the files beside those.
 * @throws HermeticError DISK where there is no such key file, or one that it was rekeyed from is no longer where it was;
 *   POLICY_DENIED for a key that a service counts
 */
export async function openUnlockLedger(ownerKeyPath: string): Promise<UnlockLedger> {
  const key = await existing(ownerKeyPath);
  await refuseServiceKey(key);
  const path = bookOf(key);
  const carried = await carriedBooks(path);
  const books = new Map([...carried].map(([keyId, { book }]) => [keyId, book]));
  const keys = [...carried.values()].map(({ keyId, parameters }) => ({ keyId, context: { parameters } }));
  return new UnlockLedger(fileUnlockBook(path, books), keys);
}

/**
 * Notes, before a network is sealed under another key, that answers about it count under the key that it had as well. For
 * good: what one network carried may be in every later one of the key. Said again, it corrects where the earlier key is.
 * @param from the earlier key's file and identity
 * @throws HermeticError as the ledger does; WRONG_KEY where the file holds another key
 */
export async function carryUnlocks(
  from: { readonly path: string; readonly keyId: string },
  toPath: string,
): Promise<void> {
  const [source, next] = [await existing(from.path), await existing(toPath)];
  for (const path of [source, next]) await refuseServiceKey(path);
  const { keyId, parameters } = await publicFacts(source);
  if (keyId !== from.keyId) throw misplaced(source, from.keyId);
  const target = bookOf(next);
  if (bookOf(source) === target) return;
  const carried: CarriedKey = { keyId, path: relative(dirname(target), source), parameters };
  await locked([target], async () => {
    const before = await readContent(target);
    const others = before.carried.filter((other) => other.keyId !== keyId);
    await writeContent(target, { ...before, carried: [...others, carried] });
  });
}

/** What the header of owner.key tells without a passphrase. */
async function publicFacts(path: string): Promise<Pick<CarriedKey, 'keyId' | 'parameters'>> {
  const { keyId, parameters } = await withFileSource(path, ownerKeyHeader, { requirePrivate: true });
  const { N, logN, logQP, insecure } = await parameterSet(parameters.set);
  return { keyId, parameters: { N, logN, logQP, insecure } };
}

function misplaced(path: string, keyId: string): HermeticError {
  return new HermeticError('WRONG_KEY', `${path} is another key than the one whose answers are counted there`, {
    expected: `key ${keyId.slice(0, 12)}…`,
    mend: 'Put that key back there with its file of unlocks: answers about a network count under all keys that it had.',
  });
}

const bookOf = (keyPath: string): string => `${keyPath}.unlocks`;

async function existing(keyPath: string): Promise<string> {
  return realpath(keyPath).catch((error: unknown) => {
    throw diskError(error, 'read', keyPath);
  });
}

/** The keys that this one's networks were rekeyed from, and those of theirs, by identity. */
async function carriedBooks(path: string): Promise<Map<string, CarriedKey & { readonly book: string }>> {
  const found = new Map<string, CarriedKey & { readonly book: string }>();
  const pending = [path];
  for (let book = pending.pop(); book !== undefined; book = pending.pop()) {
    for (const key of (await readContent(book)).carried) {
      if (found.has(key.keyId)) continue;
      const keyFile = await existing(join(dirname(book), key.path)).catch((error: unknown) => {
        throw new HermeticError('DISK', `a key that ${path} counts with is not where it was`, {
          expected: join(dirname(book), key.path),
          mend: 'Put it back there with its file of unlocks: answers about a network count under all keys that it had.',
          cause: error,
        });
      });
      if ((await publicFacts(keyFile)).keyId !== key.keyId) throw misplaced(keyFile, key.keyId);
      found.set(key.keyId, { ...key, book: bookOf(keyFile) });
      pending.push(bookOf(keyFile));
    }
  }
  return found;
}

/**
 * A book in a file that may not be there yet.
 * @param carried the files of other keys whose entries it shows and changes as well
 * @param patienceMs how long a change waits for other processes; on a slow disk many of them take their time
 * @throws (when used) HermeticError BAD_FILE, also where others may read or write the file; DISK, also where another
 *   process does not leave off or no lock can be had
 */
export function fileUnlockBook(
  path: string,
  carried: ReadonlyMap<string, string> = new Map(),
  patienceMs: number = PATIENCE_MS,
): UnlockBook {
  const update = async (change: (entries: UnlockEntries) => UnlockEntries): Promise<void> => {
    const entries = await readEntries(path, carried);
    const changed = change(entries);
    if (changed === entries) return;
    for (const book of new Set([...carried.values(), path])) {
      const before = await readContent(book);
      const own = [...changed].filter(([keyId]) => (carried.get(keyId) ?? path) === book);
      const news = own.some(([keyId, answers]) => answers.length !== (before.keys[keyId]?.length ?? 0));
      if (news) await writeContent(book, { ...before, keys: { ...before.keys, ...entriesObject(own) } });
    }
  };
  return {
    read: () => readEntries(path, carried),
    update: (change) => locked([path, ...carried.values()], () => update(change), patienceMs),
  };
}

function entriesObject(entries: readonly (readonly [string, readonly UnlockAnswer[]])[]): Content['keys'] {
  return checkHeader(keyEntries, Object.fromEntries(entries), 'unlocked answers');
}

async function readEntries(path: string, carried: ReadonlyMap<string, string>): Promise<UnlockEntries> {
  const entries = new Map<string, readonly UnlockAnswer[]>(Object.entries((await readContent(path)).keys));
  for (const [keyId, book] of carried) entries.set(keyId, (await readContent(book)).keys[keyId] ?? []);
  return entries;
}

/** While nobody else is at these files: folder by folder, in one order, so that no two wait for each other. */
async function locked(
  paths: readonly string[],
  work: () => Promise<void>,
  patienceMs: number = PATIENCE_MS,
): Promise<void> {
  const folders = new Map<string, string>();
  for (const path of paths) {
    const folder = await realpath(dirname(await writableTarget(path))).catch((error: unknown) => {
      throw diskError(error, 'write', path);
    });
    folders.set(folder, path);
  }
  const locks: Lock[] = [];
  try {
    for (const [folder, path] of [...folders].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      locks.push(await patientLock(folder, path, patienceMs));
    }
    await work();
  } finally {
    for (const lock of locks.toReversed()) await lock.release();
  }
}

async function patientLock(folder: string, path: string, patienceMs: number): Promise<Lock> {
  for (const began = performance.now(); performance.now() - began < patienceMs; await wait(POLL_MS)) {
    const lock = await lockIn(folder, 'unlocks').catch((error: unknown) => {
      throw diskError(error, 'write', path);
    });
    if (lock?.exclusive) return lock;
    if (lock === undefined) continue;
    throw new HermeticError('DISK', `${path} cannot be locked on this system`, {
      mend: 'Unlock on a system with local sockets: two processes at once would answer too much.',
    });
  }
  throw new HermeticError('DISK', `another process is at ${path}`, { mend: 'Wait until it has ended.' });
}

async function readContent(path: string): Promise<Content> {
  const text = await readText(path);
  if (text === undefined) return { keys: {}, carried: [] };
  return parse(text, path);
}

/** Undefined where there is no file. */
async function readText(path: string): Promise<string | undefined> {
  try {
    return await withFileSource(
      path,
      async (source) => {
        if (source.size > MAX_BYTES) throw damaged(path, 'it is too long');
        return bytesToUtf8(await source.read(source.size));
      },
      { requirePrivate: true },
    );
  } catch (error) {
    // A link whose end is missing, on a disk that is not there for example, is no ledger without entries.
    if (isMissing(error) && (await lstat(path).catch(() => undefined)) === undefined) return undefined;
    throw error instanceof TypeError ? damaged(path, 'it is no text') : error;
  }
}

function isMissing(error: unknown): boolean {
  if (!(error instanceof HermeticError)) return false;
  return (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}

async function parse(text: string, path: string): Promise<Content> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged(path, 'it is no JSON');
  }
  const first = firstLedgerFile.safeParse(value);
  if (first.success) {
    const { keys, digest } = first.data;
    if (digest !== (await digestOf(keys))) throw damaged(path, 'its digest is another');
    return { keys, carried: [] };
  }
  const result = ledgerFile.safeParse(value);
  if (!result.success) throw damaged(path, `it does not hold what it should: ${result.error.issues[0].message}`);
  const { keys, carried, digest } = result.data;
  if (digest !== (await digestOf({ keys, carried }))) throw damaged(path, 'its digest is another');
  return { keys, carried };
}

async function writeContent(path: string, { keys, carried }: Content): Promise<void> {
  if (carried.length > MAX_CARRIED) {
    throw new HermeticError('POLICY_DENIED', `${path} counts with ${MAX_CARRIED} earlier keys already`, {
      mend: 'Seal the network under a new key.',
    });
  }
  const text = JSON.stringify({ version: VERSION, keys, carried, digest: await digestOf({ keys, carried }) });
  await writeFileAtomically(path, (sink) => sink.write(utf8ToBytes(`${text}\n`)), { mode: 0o600 });
}

/** Of values as the schema gives them, so that the order of their fields is always the same. */
async function digestOf(value: Content | Content['keys']): Promise<string> {
  return bytesToHex(await sha256(utf8ToBytes(JSON.stringify(value))));
}

function damaged(path: string, why: string): HermeticError {
  return badFile(`the count of answers in ${path} cannot be read (${why})`, { mend: NO_RESET });
}
