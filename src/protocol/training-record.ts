/**
 * The training record: what a trainer says that it did, signed (Ed25519, RFC 8032) and chained to the record of the model
 * that it started from (security rule 9). It binds the trainer to a model, a recipe and its own data, so that whoever cheats
 * can be shown to have lied; it does not prove that the training was honest: see `owner/gates.ts` for that.
 *
 * The signed bytes are the record's JSON text with the keys of every object in order and no white space, so that one
 * record has one text and one digest. Runs in Node and in browsers (WebCrypto).
 */
import * as z from 'zod';
import { bytesToHex, concatBytes, hexToBytes, sha256, utf8ToBytes } from '../base/bytes.ts';
import { checkBytes } from '../base/checks.ts';
import { HermeticError } from '../base/errors.ts';
import type { TrainingRecipe } from '../nn/architecture.ts';
import { badFile } from './bad-file.ts';
import { canonicalJson } from './canonical-json.ts';
import type { JsonValue } from './json.ts';
import { recipeSchema } from './recipe-schema.ts';
import { checkHeader, count, hexIdentifier, line, parseHeader } from './schema.ts';
import { requireOwnKey, type SigningKey, signBytes, verifyBytes } from './signing-key.ts';

/** Differential privacy of the rows that were trained on, as `trainer/privacy.ts` gives it. */
export interface StatedPrivacy {
  readonly epsilon: number;
  readonly delta: number;
  /** In words: what was done to a row, and what the guarantee speaks of. */
  readonly mechanism: string;
}

export interface TrainingRecord {
  readonly version: 1;
  /** Digest of the record of the model that this run started from; null where nobody had trained it. */
  readonly previous: string | null;
  /** Identity of the sealed model that was handed out. */
  readonly parentModel: string;
  /** Identity of the sealed model that is handed back. */
  readonly model: string;
  readonly keyId: string;
  /** Of the trainer: Ed25519, raw, base64url. */
  readonly publicKey: string;
  /** The run's name, as the owner's books of refreshes know it. */
  readonly run: string;
  readonly steps: number;
  readonly rows: number;
  readonly recipe: TrainingRecipe;
  /** What `commitToData` made of the rows that were trained on. */
  readonly dataCommitment: string;
  readonly privacy?: StatedPrivacy | undefined;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

/** A record as it is sent: the text exactly as it was signed. */
export interface SignedRecord {
  readonly record: string;
  /** Base64url. */
  readonly signature: string;
}

const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits');
const finite = z.number();
const whole = count(2 ** 53);

const privacySchema: z.ZodType<StatedPrivacy> = z.strictObject({
  epsilon: finite.positive(),
  delta: finite.min(0).max(1),
  mechanism: line(500, 1),
});

const recordSchema: z.ZodType<TrainingRecord> = z.strictObject({
  version: z.literal(1),
  previous: sha256Hex.nullable(),
  parentModel: hexIdentifier,
  model: hexIdentifier,
  keyId: hexIdentifier,
  publicKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  run: line(64, 1),
  steps: whole,
  rows: whole,
  recipe: recipeSchema,
  dataCommitment: sha256Hex,
  privacy: privacySchema.optional(),
  createdAt: z.iso.datetime(),
});

/** Longer than any record. */
const MAX_TEXT = 100_000;
/** Before what is signed or hashed: no text of ours means something elsewhere. */
const DOMAIN = utf8ToBytes('hermetic training record v1\n');
const DATA_DOMAIN = utf8ToBytes('hermetic data commitment v1\n');

/** What the trainer fills in; version and key come from the signing. */
export type RecordFields = Omit<TrainingRecord, 'version' | 'publicKey'>;

/** Throws TypeError for fields that are no record. */
export async function signTrainingRecord(fields: RecordFields, key: SigningKey): Promise<SignedRecord> {
  const whole = { ...fields, version: 1, publicKey: key.publicKey };
  const record = canonicalJson(checkHeader(recordSchema, whole, 'the training record') as unknown as JsonValue);
  return { record, signature: await signBytes(key, signedBytes(record)) };
}

/**
 * The record, if this party signed it.
 * @param publicKey of the party that hands it in: a record may not choose whom it is checked against
 * @throws HermeticError BAD_FILE for what is no record, or was changed after it was signed; WRONG_KEY for another signer's
 */
export async function verifyTrainingRecord(signed: SignedRecord, publicKey: string): Promise<TrainingRecord> {
  const record = parseRecord(signed.record);
  requireOwnKey(record.publicKey, publicKey);
  if (await verifyBytes(publicKey, signed.signature, signedBytes(signed.record))) return record;
  throw badFile('the training record was changed after it was signed, or was not signed with this key', {
    mend: 'Sign it again with the key that was named when the invitation was accepted.',
  });
}

/** SHA-256 of the signed text, in hexadecimal: what the next record calls `previous`. */
export async function recordDigest(record: string): Promise<string> {
  return bytesToHex(await sha256(signedBytes(record)));
}

export interface ChainOptions {
  /** Whose records may stand in the chain. Default: anybody's, each checked against the key that it names. */
  readonly publicKeys?: ReadonlySet<string>;
  /**
   * The model that a sealed file was made from, by identity: handed out anew, a model is sealed under another key and has
   * another identity. Undefined where nothing is known. Given, every record must go on with the model of the one before.
   */
  readonly sealedFrom?: (parentModel: string) => string | undefined;
}

/**
 * The records of a lineage, oldest first: each signed, the first without a predecessor, each other naming the digest of
 * the one before.
 * @throws HermeticError BAD_FILE with the place where the chain breaks; WRONG_KEY for a signer who has no part in it
 */
export async function verifyChain(
  chain: readonly SignedRecord[],
  { publicKeys, sealedFrom }: ChainOptions = {},
): Promise<TrainingRecord[]> {
  const records: TrainingRecord[] = [];
  let previous: string | null = null;
  for (const [i, signed] of chain.entries()) {
    const { publicKey } = parseRecord(signed.record);
    if (publicKeys?.has(publicKey) === false) throw stranger(i);
    const record = await verifyTrainingRecord(signed, publicKey);
    if (record.previous !== previous) throw broken(i, 'it does not name the record before it');
    const parent = sealedFrom && (sealedFrom(record.parentModel) ?? record.parentModel);
    if (i > 0 && parent !== undefined && parent !== records[i - 1].model) {
      throw broken(i, 'its model is not the one of the record before it');
    }
    records.push(record);
    previous = await recordDigest(signed.record);
  }
  return records;
}

/** Bytes of a salt that hides the data: from `crypto.getRandomValues`, one for each record. */
export const SALT_BYTES = 32;

/**
 * SHA-256 of (salt, digest of the rows): says nothing about the rows without the salt, and fits no other rows with it.
 * @param digest SHA-256 of features and targets, as `fingerprint` of the trainer's room makes it
 */
export async function commitToData(digest: string, salt: Uint8Array): Promise<string> {
  checkBytes('salt', salt, SALT_BYTES);
  return bytesToHex(await sha256(concatBytes(DATA_DOMAIN, salt, hexToBytes(digest))));
}

function signedBytes(record: string): Uint8Array {
  return concatBytes(DOMAIN, utf8ToBytes(record));
}

function parseRecord(text: string): TrainingRecord {
  if (text.length > MAX_TEXT) throw badFile('the training record is too long');
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    throw badFile('the training record is no JSON');
  }
  const record = parseHeader(recordSchema, value, 'the training record');
  if (canonicalJson(value) !== text) throw badFile('the training record is not written as records are');
  return record;
}

function broken(index: number, why: string): HermeticError {
  return badFile(`the chain of training records breaks at record ${index + 1}: ${why}`, {
    mend: 'Take the records of one lineage, oldest first, all of them.',
  });
}

function stranger(index: number): HermeticError {
  return new HermeticError('WRONG_KEY', `record ${index + 1} is signed by nobody who has a part in this network`, {
    mend: 'Leave it out, or invite its trainer.',
  });
}
