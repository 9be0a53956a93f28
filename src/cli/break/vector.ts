/** `hermetic break vector`: the secret key out of the public one, and a sealed network that nobody gave a key for. */
import {
  countRecovered,
  openVectorCiphertext,
  type RecoveredVectorKey,
  recoverVectorKey,
  recoverVectorKeyFromOracle,
  roundWithoutKey,
} from '../../attacks/vector-key.ts';
import { SecretRandom } from '../../base/secret-random.ts';
import type { VectorCiphertext } from '../../schemes/vector/ciphertext.ts';
import { type VectorParameters, type VectorPreset, vectorPreset } from '../../schemes/vector/parameters.ts';
import { vectorCiphertextFromPlain, vectorKeysFromPlain } from '../../schemes/vector/plain-form.ts';
import { encryptOneWay } from '../../schemes/vector/public-encryption.ts';
import { makeOneWayKeys } from '../../schemes/vector/secret/vector-secret.ts';
import type { Console } from '../console.ts';
import { formatCount } from '../format.ts';
import { vectorExplanation } from './explanation.ts';
import { NO_KEY, readNetwork, type TeachingVictim, tellNetwork } from './teaching-network.ts';
import { Telling } from './telling.ts';
import { type Trial, timed } from './trial.ts';

export interface BreakTeachingOptions {
  readonly console: Console;
  /** A folder with public.keys and model.sealed; undefined: a demonstration is sealed first. */
  readonly folder: string | undefined;
  /** Fresh keys to recover. */
  readonly keys: number;
}

const SLOTS = 4;
/** Keys of fifty columns, and of a modulus: slower to make. */
const FEWER = 10;
const WIDE_COLUMNS = 50;

/** Returns the exit code. HermeticError BAD_FILE, DISK for files that are no demonstration's. */
export async function breakVector({ console, folder, keys }: BreakTeachingOptions): Promise<number> {
  const victim = await readNetwork(console, 'vector', folder);
  const telling = new Telling(console, vectorExplanation);
  const [set, N] = ['the post’s', SLOTS] as const;
  telling.open(set, N);
  const seed = vectorPreset('seed');
  telling.trial(await tryFreshKeys('the post’s parameters', seed, keys));
  telling.trial(await tryFreshKeys(`${WIDE_COLUMNS} columns of T`, { ...seed, columns: WIDE_COLUMNS }, few(keys)));
  telling.trial(await tryFreshKeys('a modulus, A uniform', vectorPreset('modular'), few(keys)));
  telling.trial(await tryRounding('seed'));
  telling.trial(await tryOracle('vhe'));
  telling.trial(await tryNetwork(victim));
  return telling.close(set, N);
}

function few(keys: number): number {
  return Math.max(1, Math.ceil(keys / FEWER));
}

const LEAST_SQUARES = 'Least squares of E − T·A on A, rounded';
const GUESS = 'A guess of one error, a division by its A, and a look at five other equations';

/** Least squares on published matrices; with a modulus, a guess of one error. */
export async function tryFreshKeys(name: string, parameters: VectorParameters, count: number): Promise<Trial> {
  const { result: recovered, seconds } = await timed(() =>
    countRecovered(count, () => {
      const { keys, secret } = makeOneWayKeys({ parameters, slots: SLOTS });
      return { keys, isSecret: (t) => sameKey(t, secret.key.t) };
    }),
  );
  const opened = recovered === count;
  const how = parameters.logModulus === 0 ? LEAST_SQUARES : GUESS;
  const facts = [`${how}, for fresh keys; compared with the secret.`];
  const outcome = `${formatCount(recovered)} of ${formatCount(count)} secret keys, exactly`;
  return openedTrial(name, opened, outcome, 0, seconds, facts);
}

function sameKey(t: RecoveredVectorKey['t'], secret: readonly (readonly number[])[]): boolean {
  return t.every((row, i) => row.every((value, j) => Number(value) === secret[i][j]));
}

const ROUNDED_KEYS = 8;
const ROUNDED_SLOTS = 4;
const ROUNDED_VECTORS = 9;

/** No key at all: with such masks c/w is the message. */
async function tryRounding(preset: VectorPreset): Promise<Trial> {
  const random = new SecretRandom();
  const { result: right, seconds } = await timed(() => {
    let count = 0;
    for (let k = 0; k < ROUNDED_KEYS; k++) {
      const { keys } = makeOneWayKeys({ parameters: vectorPreset(preset), slots: ROUNDED_SLOTS });
      for (let v = 0; v < ROUNDED_VECTORS; v++) {
        const values = Array.from({ length: ROUNDED_SLOTS }, () => BigInt(Math.round(random.uniform(-1000, 1000))));
        const read = roundWithoutKey(encryptOneWay(keys, values), keys);
        count += read.filter((value, i) => value === values[i]).length;
      }
    }
    return count;
  });
  const total = ROUNDED_KEYS * ROUNDED_SLOTS * ROUNDED_VECTORS;
  const facts = ['T·A is far below w: round(c/w) is the message.'];
  const outcome = `${right} of ${total} values read under ${ROUNDED_KEYS} keys`;
  return openedTrial('no key at all', right === total, outcome, 0, seconds, facts);
}

/** Chosen ciphertexts: the decryption of w·e_j is column j of S. */
async function tryOracle(preset: VectorPreset): Promise<Trial> {
  const parameters = vectorPreset(preset);
  const { keys, secret } = makeOneWayKeys({ parameters, slots: SLOTS });
  const { result, seconds } = await timed(() => recoverVectorKeyFromOracle((c) => secret.decrypt(c), keys));
  const opened = sameKey(result.key.t, secret.key.t);
  const facts = ['Asked: the decryption of w·e_j, for each column j of T. Answered: that column.'];
  const outcome = opened ? `the secret key in ${result.queries} quer${result.queries === 1 ? 'y' : 'ies'}` : 'no key';
  return openedTrial('chosen ciphertexts', opened, outcome, result.queries, seconds, facts);
}

/** A sealed network, and the files a trainer would hold. */
async function tryNetwork(victim: TeachingVictim): Promise<Trial> {
  const keys = vectorKeysFromPlain(victim.files.keys);
  const { result, seconds } = await timed(() => recoverVectorKey(keys));
  const open = (plain: unknown): bigint[] => {
    const ciphertext: VectorCiphertext = vectorCiphertextFromPlain(plain, keys);
    return openVectorCiphertext(result.key, ciphertext, keys.parameters);
  };
  const { facts, right } = result.verified ? tellNetwork(victim, open) : NO_KEY;
  return openedTrial('a sealed network', right, right ? 'every weight' : 'nothing', 0, seconds, facts);
}

/** On schemes that protect nothing every attack is claimed to succeed. */
export function openedTrial(
  name: string,
  opened: boolean,
  outcome: string,
  calls: number,
  seconds: number,
  facts: readonly string[],
): Trial {
  const right = opened ? 1 : 0;
  return { against: 'unsafe', name, opened, right, chance: 0, calls, seconds, asClaimed: opened, outcome, facts };
}
