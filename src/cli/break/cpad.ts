/** `hermetic break cpad`: the key out of a published decryption, raw and as the product releases it. */
import { keyFromDecryption } from '../../attacks/raw-decryption-key.ts';
import { SecretRandom } from '../../base/secret-random.ts';
import { MAX_RELEASED_BITS, type Release, releaseRow } from '../../owner/release.ts';
import { unlockPredictions } from '../../owner/unlock.ts';
import type { CiphertextRecord } from '../../protocol/ciphertext-record.ts';
import { toRecord } from '../../protocol/ckks-codec.ts';
import { predictionLayoutJson } from '../../protocol/layout-json.ts';
import { encryptPublic } from '../../schemes/ckks/public-encryption.ts';
import type { SlotVector } from '../../tensor/slot-vectors.ts';
import { formatCount } from '../format.ts';
import { cpadExplanation } from './explanation.ts';
import { Telling } from './telling.ts';
import { type Trial, timed } from './trial.ts';
import type { BreakOptions } from './unlock.ts';
import { unsafeRawDecryption } from './unsafe.ts';
import { makeVictim, openWith, type Victim } from './victim.ts';

/** A ciphertext whose content everybody knows. */
export interface KnownCiphertext {
  readonly record: CiphertextRecord;
  /** Uniform in [0, 1], both parts. */
  readonly values: SlotVector;
}

/** Returns the exit code. */
export async function breakCpad({ console, set, threads }: BreakOptions): Promise<number> {
  const victim = await makeVictim(set, threads);
  try {
    const telling = new Telling(console, cpadExplanation);
    const { N } = victim.keys.context.ring;
    telling.open(set, N);
    const known = encryptKnown(victim);
    const finest: Release = { kind: 'rounded', bits: MAX_RELEASED_BITS };
    telling.trial(await tryRawDecryption(victim, known));
    telling.trial(await tryReleased(victim, known, 'labels', { kind: 'label' }));
    telling.trial(await tryReleased(victim, known, `${MAX_RELEASED_BITS} bits a row`, finest));
    return telling.close(set, N);
  } finally {
    victim.dispose();
  }
}

/** Under the public key, at level 0, as predictions are. */
export function encryptKnown({ keys }: Victim): KnownCiphertext {
  const { context, publicKey } = keys;
  const random = new SecretRandom();
  const part = (): Float64Array => Float64Array.from({ length: context.slots }, () => random.uniform());
  const values = { re: part(), im: part() };
  const ciphertext = encryptPublic(context, publicKey, values, 0);
  const record = toRecord(ciphertext);
  ciphertext.dispose();
  return { record, values };
}

export async function tryRawDecryption(victim: Victim, { record }: KnownCiphertext): Promise<Trial> {
  const published = unsafeRawDecryption(victim.keys, record);
  const { result, seconds } = await timed(() => keyFromDecryption(victim.target.context, record, published));
  const { right, chance, opened } = victim.score(result.key);
  const facts = [`Published: ${formatCount(published.re.length)} slots as they were decrypted.`];
  if (opened) {
    await openWith(victim, result.key);
    facts.push('The quotient has no coefficient but −1, 0 and 1, and the sealed model opens with it.');
  }
  return { against: 'unsafe', name: 'raw slots', opened, right, chance, calls: 1, seconds, asClaimed: opened, facts };
}

/**
 * The same ciphertext, unlocked once by the product: all rows, more than its ledger would let out. Of its real parts the attacker takes what was released, or, where
 * that is a label, what it knows; the imaginary parts, which no row shows, it knows.
 */
export async function tryReleased(
  victim: Victim,
  { record, values }: KnownCiphertext,
  name: string,
  release: Release,
): Promise<Trial> {
  const { keys, target } = victim;
  const { slots } = target.context;
  const { keyId, modelId } = target;
  const packing = predictionLayoutJson({ form: 'list', outputs: 1, factor: 1, slots, pitch: slots });
  const records = [{ ...record, firstRow: 0, rowCount: slots }];
  const predictions = { rows: slots, classes: 1, keyId, modelId, packing, records };
  const rows = await unlockPredictions(predictions, keys, { ledger: 'private', release });
  const re = Float64Array.from(rows, ({ outputs }, row) => outputs?.[0] ?? values.re[row]);
  const { result, seconds } = await timed(() => keyFromDecryption(target.context, record, { re, im: values.im }));
  const { right, chance, opened, atChance } = victim.score(result.key);
  const expected = Array.from(values.re, (value) => releaseRow(Float64Array.of(value), release));
  const told = rows.filter(
    (row, i) => row.label === expected[i].label && row.outputs?.[0] === expected[i].outputs?.[0],
  );
  const facts = [
    `Published: ${name} of ${formatCount(slots)} rows, ${formatCount(told.length)} of them what everybody could have said.`,
    result.exact ? 'The quotient is ternary.' : 'The quotient has coefficients all over the range of the prime.',
  ];
  const asClaimed = !opened && atChance;
  return { against: 'product', name, opened, right, chance, calls: 1, seconds, asClaimed, facts };
}
