/**
 * Where the owner's service keeps everything: a folder with files (sealed models, public keys, secret keys under the
 * owner's passphrase) and a database of rows, in the same folder or on a PostgreSQL server. One process at a time.
 */
import { chmod, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { utf8ToBytes } from '../../base/bytes.ts';
import { HermeticError } from '../../base/errors.ts';
import { STORE_KEYS, STORE_MARK } from '../../owner/node/service-keys.ts';
import { writeFileAtomically } from '../../protocol/node/atomic-file.ts';
import { type Lock, lockIn } from '../../protocol/node/lock.ts';
import { makeFolder } from '../../protocol/node/make-folder.ts';
import { BlobFiles } from '../node/blob-files.ts';
import { randomId } from '../node/durable.ts';
import { UploadFiles } from '../node/upload-files.ts';
import { forgetBlobRows } from './blob-rows.ts';
import { type Database, isAddress, openDatabase } from './database.ts';
import { migrate, nameOf } from './migrate.ts';

export interface StoreOptions {
  readonly folder: string;
  /** postgres://… Default: PGlite in the folder. */
  readonly database?: string;
}

export interface Store {
  readonly folder: string;
  readonly database: Database;
  readonly blobs: BlobFiles;
  /** Answers to refreshes, which are kept for a while only. */
  readonly answers: BlobFiles;
  readonly uploads: UploadFiles;
  /** Secret keys. */
  readonly keyFolder: string;
  close(): Promise<void>;
}

/** Uploads that nothing happened to for so long are given up. */
const ABANDONED_MS = 7 * 24 * 3600 * 1000;

/**
 * Opens the store, made where it is missing, brings its database up to date and clears away what no row names.
 * @param place a folder; or a folder and the address of a database
 * @throws HermeticError DISK, also where another process has it open; BAD_ARGUMENT; BAD_FILE for a database of another
 *   store or of a newer version
 */
export async function openStore(place: string | StoreOptions): Promise<Store> {
  const { folder, database: address } = typeof place === 'string' ? { folder: place, database: undefined } : place;
  if (address !== undefined && !isAddress(address)) throw badAddress();
  await makeFolder(folder);
  await chmod(folder, 0o700);
  const lock = await lockStore(folder);
  let database: Database | undefined;
  try {
    await makeFolder(join(folder, STORE_KEYS));
    database = await openDatabase(address ?? (await madeFolder(join(folder, 'db'))));
    await bind(folder, database);
    const [blobs, answers] = [
      await BlobFiles.open(join(folder, 'blobs')),
      await BlobFiles.open(join(folder, 'answers')),
    ];
    const uploads = await UploadFiles.open(join(folder, 'uploads'));
    await clear(database, blobs, answers, uploads);
    const opened = database;
    const close = async (): Promise<void> => {
      await opened.destroy();
      await lock.release();
    };
    return { folder, database, blobs, answers, uploads, keyFolder: join(folder, STORE_KEYS), close };
  } catch (error) {
    await database?.destroy();
    await lock.release();
    throw error;
  }
}

async function madeFolder(path: string): Promise<string> {
  await makeFolder(path);
  return path;
}

async function lockStore(folder: string): Promise<Lock> {
  const lock = await lockIn(folder, 'service');
  if (lock !== undefined) return lock;
  throw new HermeticError('DISK', `another process serves ${folder}`, {
    mend: 'End it first, or name another folder.',
  });
}

/** Folder and database must know each other: rows name files, and secret keys lie in the folder. */
async function bind(folder: string, database: Database): Promise<void> {
  const path = join(folder, STORE_MARK);
  const known = await readFile(path, 'utf8').catch(() => undefined);
  // An empty database would have every file of the folder swept away, for no row names it.
  if (known !== undefined && (await nameOf(database)) === undefined && (await holdsFiles(folder))) throw forgotten();
  const id = known?.trim() ?? randomId();
  if (known === undefined) await writeFileAtomically(path, (sink) => sink.write(utf8ToBytes(`${id}\n`)));
  if ((await migrate(database, id)) === id) return;
  if (known === undefined) await unlink(path);
  throw new HermeticError('BAD_FILE', 'the folder and the database are not of the same store', {
    mend:
      known === undefined
        ? 'The database is in use already: name the folder that belongs to it, with its secret keys.'
        : 'Name the folder and the database that belong together, or restore both from one backup.',
  });
}

async function holdsFiles(folder: string): Promise<boolean> {
  for (const name of ['blobs', STORE_KEYS]) {
    const files = await readdir(join(folder, name), { recursive: true }).catch(() => []);
    if (files.length > 0) return true;
  }
  return false;
}

function forgotten(): HermeticError {
  return new HermeticError('BAD_FILE', 'the folder holds keys and models, and the database knows of none of them', {
    mend: 'Name the database that belongs to this folder, or restore it from a backup. Nothing was changed.',
  });
}

/** Gives up uploads that were left, and removes the files that no row names. */
async function clear(database: Database, blobs: BlobFiles, answers: BlobFiles, uploads: UploadFiles): Promise<void> {
  const before = new Date(Date.now() - ABANDONED_MS);
  await database.deleteFrom('uploads').where('usedAt', 'is', null).where('createdAt', '<', before).execute();
  await forgetBlobRows(database);
  const open = await database.selectFrom('uploads').select('id').where('state', '=', 'open').execute();
  await uploads.sweep(new Set(open.map(({ id }) => id)));
  const kept = await database.selectFrom('blobs').select('sha256').execute();
  await blobs.sweep(new Set(kept.map(({ sha256 }) => sha256)));
  const answered = await database.selectFrom('refreshes').select('answerSha256').distinct().execute();
  await answers.sweep(new Set(answered.map(({ answerSha256 }) => answerSha256 ?? '')));
}

function badAddress(): HermeticError {
  return new HermeticError('BAD_ARGUMENT', 'this is not the address of a database', {
    expected: 'postgres://USER@HOST/NAME',
    mend: 'Leave --database out to keep everything in the folder.',
  });
}
