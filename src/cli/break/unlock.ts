/**
 * `hermetic break unlock`: the decryption oracle, tried on an unlock that answers raw slots, on coarse answers that nobody
 * counts, and on the product's, which counts them.
 */
import {
  type KeyGuess,
  keyFromLabels,
  keyFromRawSlots,
  keyFromRoundedOutputs,
  type Unlock,
  type UnlockTarget,
} from '../../attacks/unlock-key.ts';
import { weightsAsPredictions } from '../../attacks/unlock-weights.ts';
import { keyFromWrappedLabels } from '../../attacks/unlock-wrap.ts';
import { HermeticError } from '../../base/errors.ts';
import { parseSealedLayout } from '../../nn/sealed/layout.ts';
import { parameterArrays } from '../../nn/weights.ts';
import { MAX_RELEASED_BITS, type Release } from '../../owner/release.ts';
import { unlockPredictions } from '../../owner/unlock.ts';
import { UnlockLedger, unlockLimit } from '../../owner/unlock-ledger.ts';
import { memorySink, memorySource } from '../../protocol/byte-source.ts';
import type { PlainModel } from '../../protocol/model-file.ts';
import type { SealedModel } from '../../protocol/sealed-model.ts';
import {
  readSealedPredictions,
  type SealedPredictions,
  writeSealedPredictions,
} from '../../protocol/sealed-predictions.ts';
import type { Console } from '../console.ts';
import { formatCount } from '../format.ts';
import { unlockExplanation } from './explanation.ts';
import { Telling } from './telling.ts';
import { type Trial, timed } from './trial.ts';
import { unsafePrivateUnlock, unsafeRawUnlock } from './unsafe.ts';
import { makeVictim, openWith, type Victim } from './victim.ts';

export interface BreakOptions {
  readonly console: Console;
  readonly set: string;
  readonly threads: number | undefined;
}

/** What is released, and how the key is read out of it. */
export interface Questions {
  readonly name: string;
  readonly release: Release;
  /** What one answer tells at most. */
  readonly bits: number;
  /** Asks with `budget` bits, which the attacker knows: limits are public. */
  readonly guess: (target: UnlockTarget, unlock: Unlock, budget?: number) => Promise<KeyGuess>;
}

/**
 * Labels are asked at so many thresholds, which makes them as fine as five bits. A coefficient then errs by 0.047 in the mean
 * square where ½ is one too many; by 0.09 at half as many thresholds, which lost one of thousands of large keys.
 */
const THRESHOLDS = 32;

export const labelQuestions: Questions = {
  name: 'labels',
  release: { kind: 'label' },
  bits: 1,
  guess: (target, unlock, budget) => keyFromLabels(target, unlock, THRESHOLDS, budget),
};

export const roundedQuestions: Questions = {
  name: `${MAX_RELEASED_BITS} bits a row`,
  release: { kind: 'rounded', bits: MAX_RELEASED_BITS },
  bits: MAX_RELEASED_BITS,
  guess: keyFromRoundedOutputs,
};

export const wrappedQuestions: Questions = {
  name: 'a coefficient a label',
  release: { kind: 'label' },
  bits: 1,
  guess: keyFromWrappedLabels,
};

/** Returns the exit code. */
export async function breakUnlock({ console, set, threads }: BreakOptions): Promise<number> {
  const victim = await makeVictim(set, threads);
  try {
    const telling = new Telling(console, unlockExplanation);
    const { N } = victim.keys.context.ring;
    telling.open(set, N);
    telling.trial(await tryRawSlots(victim));
    for (const questions of [labelQuestions, roundedQuestions]) telling.trial(await tryUncounted(victim, questions));
    for (const questions of [labelQuestions, roundedQuestions, wrappedQuestions]) {
      telling.trial(await tryCounted(victim, questions));
    }
    return telling.close(set, N);
  } finally {
    victim.dispose();
  }
}

export async function tryRawSlots(victim: Victim): Promise<Trial> {
  const unlock = unsafeRawUnlock(victim.keys);
  const { result, seconds } = await timed(() => keyFromRawSlots(victim.target, unlock));
  const { key, calls } = result;
  const score = victim.score(key);
  const facts = ['An unlock that answers the outputs as they were decrypted.'];
  if (score.opened) facts.push(weightWords(victim.model, await openWith(victim, key)));
  const { right, chance, opened } = score;
  return { against: 'unsafe', name: 'raw slots', opened, right, chance, calls, seconds, asClaimed: opened, facts };
}

/** What the product releases of a row, of as many rows as anybody likes. */
export async function tryUncounted(victim: Victim, { name, release, guess }: Questions): Promise<Trial> {
  const unlock = unsafePrivateUnlock(victim.keys, release);
  const { result, seconds } = await timed(() => guess(victim.target, unlock));
  const { key, calls, rows } = result;
  const { right, chance, opened } = victim.score(key);
  const facts = [
    `An owner who says that the answers are private, and hands them out: ${formatCount(rows)} rows, uncounted.`,
  ];
  const uncounted = `${name}, uncounted`;
  return { against: 'unsafe', name: uncounted, opened, right, chance, calls, seconds, asClaimed: opened, facts };
}

/** The product's own unlock, asked for as much as its ledger lets it answer. */
export async function tryCounted(victim: Victim, { name, release, bits, guess }: Questions): Promise<Trial> {
  const { keys, target } = victim;
  const { unlock, answers } = counted(productUnlock(victim, release, new UnlockLedger()));
  const limit = unlockLimit(keys.context.parameters);
  const { result, seconds } = await timed(() => guess(target, unlock, limit));
  const { key, calls } = result;
  const released = answers() * bits;
  const { right, chance, opened } = victim.score(key);
  const facts = [
    `unlockPredictions answered ${formatCount(answers())} different rows with ${formatCount(released)} bits, and ` +
      `refused the rest: under this key the limit is ${formatCount(limit)}.`,
    await weightReleaseWords(victim, productUnlock(victim, release, new UnlockLedger()), release),
  ];
  const asClaimed = !opened && released <= limit;
  return { against: 'product', name, opened, right, chance, calls, seconds, asClaimed, facts };
}

/** Counts the different answers that an unlock gives, whatever its ledger says. */
function counted(unlock: Unlock): { readonly unlock: Unlock; readonly answers: () => number } {
  const answered = new Map<SealedPredictions, Set<number>>();
  return {
    unlock: async (predictions, rows) => {
      const answers = await unlock(predictions, rows);
      if (answers) answered.set(predictions, new Set([...(answered.get(predictions) ?? []), ...rows]));
      return answers;
    },
    answers: () => [...answered.values()].reduce((sum, rows) => sum + rows.size, 0),
  };
}

/** Through a file, as it comes from a trainer. Undefined where the owner's policy refuses. */
export function productUnlock({ keys }: Victim, release: Release, ledger: UnlockLedger): Unlock {
  return async (predictions, rows) => {
    const file = await mailed(predictions, keys.parameters);
    try {
      return await unlockPredictions(file, keys, { ledger, rows, release });
    } catch (error) {
      if (error instanceof HermeticError && error.code === 'POLICY_DENIED') return undefined;
      throw error;
    }
  };
}

async function mailed(
  predictions: SealedPredictions,
  parameters: Victim['keys']['parameters'],
): Promise<SealedPredictions> {
  const sink = memorySink();
  await writeSealedPredictions(sink, predictions, parameters);
  const options = { onWarning: () => {}, parametersFor: () => parameters };
  return readSealedPredictions(memorySource(sink.bytes()), options);
}

function weightWords(model: PlainModel, stolen: PlainModel): string {
  const [owned, read] = [model, stolen].map(({ weights }) => parameterArrays(weights).flatMap((values) => [...values]));
  const worst = Math.max(...owned.map((w, i) => Math.abs(w - read[i])));
  const [first, second] = [owned, read].map((values) =>
    values
      .slice(0, 3)
      .map((w) => w.toFixed(4))
      .join(', '),
  );
  return (
    `With the key the sealed model opens: ${second} … where the owner's weights are ${first} …; all ` +
    `${formatCount(owned.length)} agree to 2^${Math.log2(worst).toFixed(0)}.`
  );
}

/** What comes out of one row where weights are sent as predictions. */
async function weightReleaseWords(victim: Victim, unlock: Unlock, release: Release): Promise<string> {
  const { sealed, target, keys } = victim;
  const file = weightsAsPredictions(target, sealed.records[0], WEIGHT_WIDTH);
  const rows = [sealedPlace(sealed)];
  const [raw] = (await unsafeRawUnlock(keys)(file, rows)) ?? [];
  const [row] = (await unlock(file, rows)) ?? [];
  if (row === undefined) return 'Weights sent as predictions: refused.';
  const shown = (outputs: readonly number[] = []): string =>
    outputs.map((x) => ((x - 0.5) * WEIGHT_WIDTH).toFixed(4)).join(' and ');
  const out = release.kind === 'label' ? `label ${row.label}` : shown(row.outputs);
  return `Weights sent as predictions: a row holds ${shown(raw?.outputs)}; out comes ${out}.`;
}

/** Slots of weights lie within ±4 or nearly so. */
const WEIGHT_WIDTH = 8;

/** A slot of the first ciphertext with weights in it. */
function sealedPlace({ packing, architecture }: SealedModel): number {
  return parseSealedLayout(packing, architecture).packing.offset;
}
