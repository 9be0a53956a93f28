/**
 * A refresh by the owner as units, each one call for some of the ciphertexts. The owner counts calls and answers with fresh
 * randomness, so a unit that is done twice must be the same call. It is: masks, re-randomisation and the call's name follow
 * from the job and from a secret of this one refresh. Whoever does a unit, however often, sends the same bytes under
 * the same name; the owner's books count them once and give the same answer, and the outputs are the same blobs. A
 * coordinator that comes after one that died finds the secret again, and with it the same units.
 *
 * The owner, who decrypts what is sent, must not know a mask: so the secret does not follow from keys or tokens, which are the
 * owner's own. It is 32 random bytes of the coordinator, a blob beside the sealed weights that it masks, for as
 * long as those: whoever can read it there can read them there, and with the owner's key open them without it. In jobs it
 * goes by its hash. No mask meets two messages: the seeds follow from the names of the ciphertexts too.
 */
import { bytesToHex, concatBytes, sha256, utf8ToBytes } from '../base/bytes.ts';
import type { SeedSource } from '../ring/sampler.ts';
import { SEEDS_OF_A_MASK } from '../schemes/ckks/blinding.ts';
import type { OwnerRefreshJob } from './units.ts';

export const REFRESH_SECRET_BYTES = 32;

/** Answers that every owner keeps, for calls that are made again: so many calls of one refresh can be audited. */
export const KEPT_ANSWERS = 4;

export interface RefreshCallSecrets {
  /** 128 bits, in hexadecimal. */
  readonly name: string;
  readonly seeds: SeedSource;
}

/** What a call is named, and the seeds of its masks. `secret`: the blob that the job names. */
export async function callSecrets(
  secret: Uint8Array,
  { step, secret: name, members, run }: OwnerRefreshJob & { readonly run: string },
): Promise<RefreshCallSecrets> {
  const job = await sha256(utf8ToBytes(JSON.stringify([run, step, name, members])));
  const derive = (use: string): Promise<Uint8Array> =>
    sha256(concatBytes(utf8ToBytes(`hermetic refresh v1 ${use}\n`), secret, job));
  const seeds: Uint8Array[] = [];
  for (let i = 0; i < SEEDS_OF_A_MASK * members.length; i++) seeds.push(await derive(`seed ${i}`));
  return {
    name: bytesToHex(await derive('call')).slice(0, 32),
    seeds: () => {
      const seed = seeds.shift();
      if (seed === undefined) throw new RangeError('more masks than the call has ciphertexts');
      return seed;
    },
  };
}

/** How the refresh after a step is cut: kept for a coordinator that comes after this one. */
export interface RefreshCut {
  readonly step: number;
  /** Calls. */
  readonly parts: number;
  /** Blob. */
  readonly secret: string;
}

/** As it stands in the database: no more than a hash. */
export function cutText({ step, parts, secret }: RefreshCut): string {
  return `${step} ${parts} ${secret}`;
}

/** Undefined for what is no such text. */
export function parseCut(text: string | undefined): RefreshCut | undefined {
  const [, step, parts, secret] = /^(\d{1,10}) (\d{1,4}) ([0-9a-f]{64})$/.exec(text ?? '') ?? [];
  return secret === undefined ? undefined : { step: Number(step), parts: Number(parts), secret };
}
