/**
 * The unlock as a decryption oracle (Chenal and Tang 2014/535: most homomorphic schemes lose their key to one). A trainer
 * hands in "predictions" of its own making: (0, Δ) decrypts to 0 + Δ·s, so that its slots are those of the secret key, and
 * whoever answers them has answered the key.
 *
 * Coarse answers give the same slots coarsely. The embedding is √(N/2) times a unitary matrix: a coefficient of s is a
 * mean over all N/2 slots, in which the errors of the answers average out. Few bits a row are no defence by themselves:
 * what protects is that few rows are answered.
 */
import { predictionLayoutJson } from '../protocol/layout-json.ts';
import type { SealedPredictions } from '../protocol/sealed-predictions.ts';
import type { CkksContext } from '../schemes/ckks/context.ts';
import { coefficientsOf, nearestTernary, polynomialOf } from './ternary.ts';

/** What anyone reads in the files that a trainer is given. */
export interface UnlockTarget {
  readonly context: CkksContext;
  readonly keyId: string;
  readonly modelId: string;
}

/** What an unlock answers for a row. */
export interface AnsweredRow {
  readonly label?: number;
  readonly outputs?: readonly number[];
}

/** The answers for these rows, in order; undefined where the owner refuses. */
export type Unlock = (
  predictions: SealedPredictions,
  rows: readonly number[],
) => Promise<readonly AnsweredRow[] | undefined>;

export interface KeyGuess {
  readonly key: Int8Array;
  /** Answered ones. */
  readonly calls: number;
  /** Answered in all calls together. */
  readonly rows: number;
}

/** Raw slots, one call: s is the polynomial with these slots. */
export function keyFromRawSlots(target: UnlockTarget, unlock: Unlock): Promise<KeyGuess> {
  return keyFromOutputs(target, unlock, { shift: 0, width: 1 });
}

/** Outputs rounded within [0, 1], where shift + slot/width falls but for one slot in 10^4. */
export function keyFromRoundedOutputs(target: UnlockTarget, unlock: Unlock): Promise<KeyGuess> {
  return keyFromOutputs(target, unlock, { shift: 0.5, width: 8 * slotDeviation(target.context) });
}

/**
 * Labels of one output say whether shift + slot/width ≥ ½. Asked with `thresholds` shifts, for the real and for the
 * imaginary parts, they tell between which two thresholds a slot lies. Whoever expects an answer to no more than
 * `budget` of them asks about so few slots that all thresholds are answered.
 */
export function keyFromLabels(
  target: UnlockTarget,
  unlock: Unlock,
  thresholds: number,
  budget: number = Number.POSITIVE_INFINITY,
): Promise<KeyGuess> {
  const { context } = target;
  const width = slotDeviation(context);
  const levels = Array.from({ length: thresholds }, (_, i) => (6 * (i + 0.5)) / thresholds - 3);
  const files = [0, 1].flatMap((part) =>
    levels.map((level) => probe(target, { outputs: 1, shift: 0.5 - level, width, turns: -part })),
  );
  // Bussgang: a sum of signs of a normal variable follows it with this slope, whatever the coarseness.
  const slope = levels.reduce((sum, level) => sum + Math.exp(-(level ** 2) / 2) / Math.sqrt(2 * Math.PI), 0);
  const most = Math.floor(budget / files.length);
  return collect(target, unlock, files, most, (answers) => {
    const passed = (part: number): number =>
      answers.slice(part * thresholds, (part + 1) * thresholds).reduce((sum, { label = 0 }) => sum + label, 0);
    return [0, 1].map((part) => (width * (passed(part) - thresholds / 2)) / slope);
  });
}

/** Standard deviation of a part of a slot of s: N coefficients of variance ⅔ make N·⅔ for both parts. */
function slotDeviation(context: CkksContext): number {
  return Math.sqrt(context.ring.N / 3);
}

function keyFromOutputs(
  target: UnlockTarget,
  unlock: Unlock,
  { shift, width }: { readonly shift: number; readonly width: number },
): Promise<KeyGuess> {
  const file = probe(target, { outputs: 2, shift, width, turns: 0 });
  return collect(target, unlock, [file], Number.POSITIVE_INFINITY, ([{ outputs = [] }]) =>
    outputs.map((value) => (value - shift) * width),
  );
}

interface Probe {
  /** 1: real parts; 2: both. */
  readonly outputs: 1 | 2;
  readonly shift: number;
  readonly width: number;
  /** Quarter turns of the slots. */
  readonly turns: number;
}

/**
 * "Predictions" of N/2 rows: row j holds shift·(1 + i) + i^turns·slot_j(s)/width, for X^(N/2) is i at every slot. Looks
 * like any other file once an encryption of zero is added to it.
 */
function probe({ context, keyId, modelId }: UnlockTarget, { outputs, shift, width, turns }: Probe): SealedPredictions {
  const { slots, baseLimbs } = context;
  const scale = context.scales[0];
  const half = BigInt(Math.round(shift * scale));
  const c0 = polynomialOf(context, [
    { coefficient: half, exponent: 0 },
    { coefficient: half, exponent: slots },
  ]);
  const c1 = polynomialOf(context, [{ coefficient: BigInt(Math.round(scale / width)), exponent: turns * slots }]);
  const packing = predictionLayoutJson({ form: 'blocks', outputs, factor: 1, slots, pitch: slots });
  const record = { level: 0, scale, limbs: baseLimbs, firstRow: 0, rowCount: slots, polynomials: [c0, c1] };
  return { rows: slots, classes: outputs, keyId, modelId, packing, records: [record] };
}

/**
 * Has the files unlocked, as many rows as the owner will and `atOnce` in a call, and guesses the key. `slotOf` makes the parts of a slot from
 * its row's answers, one a file. Slots without an answer count as zero, and the others for more.
 */
async function collect(
  target: UnlockTarget,
  unlock: Unlock,
  files: readonly SealedPredictions[],
  atOnce: number,
  slotOf: (answers: readonly AnsweredRow[]) => readonly number[],
): Promise<KeyGuess> {
  const { context } = target;
  const { slots } = context;
  const re = new Float64Array(slots);
  const im = new Float64Array(slots);
  let known = 0;
  let calls = 0;
  let answered = 0;
  for (let size = Math.min(slots, atOnce); known < slots && size >= 1; ) {
    const rows = Array.from({ length: Math.min(size, slots - known) }, (_, i) => known + i);
    const answers = await askAll(files, rows, unlock);
    calls += answers.length;
    answered += answers.length * rows.length;
    if (answers.length < files.length) {
      size = Math.floor(rows.length / 2);
      continue;
    }
    rows.forEach((row, i) => {
      [re[row], im[row]] = slotOf(answers.map((answer) => answer[i]));
    });
    known += rows.length;
  }
  const share = Math.max(known, 1) / slots;
  const key = nearestTernary(coefficientsOf(context, { re, im }).map((value) => value / share));
  return { key, calls, rows: answered };
}

/** Stops at the first refusal. */
async function askAll(
  files: readonly SealedPredictions[],
  rows: readonly number[],
  unlock: Unlock,
): Promise<(readonly AnsweredRow[])[]> {
  const answers: (readonly AnsweredRow[])[] = [];
  for (const file of files) {
    const answer = await unlock(file, rows);
    if (answer === undefined) break;
    answers.push(answer);
  }
  return answers;
}
