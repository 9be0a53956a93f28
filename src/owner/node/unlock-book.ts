/**
 * The ledger of unlocked predictions in a file beside owner.key. It is written before an answer is given, as a whole or
 * not at all, and by one process at a time: what is lost in a crash is an answer, never its entry.
 */
import { lstat, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
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
import { type UnlockBook, type UnlockEntries, UnlockLedger } from '../unlock-ledger.ts';

const VERSION = 1;
/** Far above what the limits let a file become. */
const MAX_BYTES = 2 ** 26;
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

const ledgerFile = z.strictObject({
  version: z.literal(VERSION),
  keys: keyEntries,
  /** SHA-256 of the JSON text of `keys`: finds accidents. */
  digest: z.string(),
});

/**
 * The ledger of the key in this file: NAME.unlocks in its folder, links followed. Where there is none yet, nothing was
 * answered. Two paths to one key share it; a copy of the key in another folder does not: move both together.
 * @throws HermeticError DISK where there is no such key file
 */
export async function openUnlockLedger(ownerKeyPath: string): Promise<UnlockLedger> {
  const path = await realpath(ownerKeyPath).catch((error: unknown) => {
    throw diskError(error, 'read', ownerKeyPath);
  });
  return new UnlockLedger(fileUnlockBook(`${path}.unlocks`));
}

/**
 * A book in a file that may not be there yet.
 * @throws (when used) HermeticError BAD_FILE, also where others may read or write the file; DISK, also where another
 *   process does not leave off or no lock can be had
 */
export function fileUnlockBook(path: string): UnlockBook {
  return {
    read: () => readEntries(path),
    update: async (change) => {
      const lock = await patientLock(path);
      try {
        const entries = await readEntries(path);
        const changed = change(entries);
        if (changed !== entries) await writeEntries(path, changed);
      } finally {
        await lock.release();
      }
    },
  };
}

async function patientLock(path: string): Promise<Lock> {
  const folder = dirname(await writableTarget(path));
  for (const began = performance.now(); performance.now() - began < PATIENCE_MS; await wait(POLL_MS)) {
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

async function readEntries(path: string): Promise<UnlockEntries> {
  const text = await readText(path);
  if (text === undefined) return new Map();
  const { keys, digest } = parse(text, path);
  if (digest !== (await digestOf(keys))) throw damaged(path, 'its digest is another');
  return new Map(Object.entries(keys));
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

function parse(text: string, path: string): z.infer<typeof ledgerFile> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged(path, 'it is no JSON');
  }
  const result = ledgerFile.safeParse(value);
  if (result.success) return result.data;
  throw damaged(path, `it does not hold what it should: ${result.error.issues[0].message}`);
}

async function writeEntries(path: string, entries: UnlockEntries): Promise<void> {
  const keys = checkHeader(keyEntries, Object.fromEntries(entries), 'unlocked answers');
  const text = JSON.stringify({ version: VERSION, keys, digest: await digestOf(keys) });
  await writeFileAtomically(path, (sink) => sink.write(utf8ToBytes(`${text}\n`)), { mode: 0o600 });
}

/** Of entries as the schema gives them, so that the order of their fields is always the same. */
async function digestOf(keys: z.infer<typeof keyEntries>): Promise<string> {
  return bytesToHex(await sha256(utf8ToBytes(JSON.stringify(keys))));
}

function damaged(path: string, why: string): HermeticError {
  return badFile(`the count of answers in ${path} cannot be read (${why})`, { mend: NO_RESET });
}
