/**
 * The most that an answer can tell of a ternary key: one coefficient a bit, or nearly. Decryption reduces modulo q, and
 * where c0 has a coefficient of (q−1)/2, one more wraps around to −(q−1)/2: what was the smallest term of c0 + c1·s
 * decides the largest (the reaction attacks on schemes of integers are built so; Zhang, Plantard and Susilo, ICISC 2011).
 * All other coefficients are −1, 0 or 1 and vanish beside it. So an answer need not be about a mean over the whole key,
 * and the number of answered numbers bounds nothing: their bits do.
 */
import { predictionLayoutJson } from '../protocol/layout-json.ts';
import type { SealedPredictions } from '../protocol/sealed-predictions.ts';
import type { CkksContext } from '../schemes/ckks/context.ts';
import { polynomialOf, type Term } from './ternary.ts';
import type { AnsweredRow, KeyGuess, Unlock, UnlockTarget } from './unlock-key.ts';

/**
 * A label a question: is s_k = 1? If not, is it −1? In order of k, until the owner refuses or all are known: 5/3 bits a
 * coefficient in the mean. The others are guessed to be 0.
 */
export async function keyFromWrappedLabels(target: UnlockTarget, unlock: Unlock): Promise<KeyGuess> {
  const { N } = target.context.ring;
  const key = new Int8Array(N);
  let calls = 0;
  const ask = async (k: number, value: 1 | -1): Promise<boolean | undefined> => {
    const answer = await unlock(questionAboutOne(target, k, value), [0]);
    calls += Number(answer !== undefined);
    return answer && answer[0].label === 0;
  };
  for (let k = 0; k < N; k++) {
    const isOne = await ask(k, 1);
    const isMinusOne = isOne === false ? await ask(k, -1) : false;
    if (isOne === undefined || isMinusOne === undefined) break;
    key[k] = Number(isOne) - Number(isMinusOne);
  }
  return { key, calls, rows: calls };
}

/** Row 0 is 1, and −1 where s_k is `value`: X^-k·s has s_k at its head. */
function questionAboutOne(target: UnlockTarget, k: number, value: 1 | -1): SealedPredictions {
  const half = halfModulus(target.context);
  const head = [{ coefficient: half, exponent: 0 }];
  return question(target, head, { coefficient: BigInt(value), exponent: -k }, Number(half));
}

/** Coefficients of the key that one rounded answer tells of, by number. */
export interface WrappedQuestion {
  readonly file: SealedPredictions;
  readonly places: readonly number[];
  /** For each place whether the key is 1 there. */
  read(answer: AnsweredRow): readonly boolean[];
}

/**
 * Asks about `count` coefficients in one output, within [0, 1]: X^k has the real part cos(πk/N) at slot 0, so that the
 * places can be chosen to weigh ½, ¼, ⅛, … there. An answer of a few bits more than `count` tells all of them.
 */
export function questionAboutMany(target: UnlockTarget, count: number): WrappedQuestion {
  const { N } = target.context.ring;
  const places = Array.from({ length: count }, (_, i) => Math.round((N / Math.PI) * Math.acos(2 ** -(i + 1))));
  const weights = places.map((k) => Math.cos((Math.PI * k) / N));
  const half = halfModulus(target.context);
  // ½ + Σ ±weight/2: the weights sum up to less than 1, and the first term is one too small to wrap.
  const terms = [
    { coefficient: half - 1n, exponent: 0 },
    ...places.map((exponent) => ({ coefficient: half, exponent })),
  ];
  const file = question(target, terms, { coefficient: 1n, exponent: 0 }, 2 * Number(half));
  const expected = (wrapped: number): number =>
    weights.reduce((sum, weight, i) => sum + (((wrapped >> i) & 1) === 1 ? -weight : weight) / 2, 0.5);
  return {
    file,
    places,
    read: ({ outputs = [] }) => {
      const patterns = Array.from({ length: 2 ** count }, (_, wrapped) => wrapped);
      const distance = (wrapped: number): number => Math.abs(expected(wrapped) - outputs[0]);
      const nearest = patterns.reduce((best, wrapped) => (distance(wrapped) < distance(best) ? wrapped : best));
      return places.map((_, i) => ((nearest >> i) & 1) === 1);
    },
  };
}

/** One row of one output: the real part of slot 0 of c0 + c1·s, divided by `unit`. */
function question(
  { context, keyId, modelId }: UnlockTarget,
  c0: readonly Term[],
  c1: Term,
  unit: number,
): SealedPredictions {
  const { slots, baseLimbs } = context;
  // Files hold scales up to 2^120; a factor takes the rest.
  const scale = Math.min(unit, 2 ** 119);
  const packing = predictionLayoutJson({ form: 'blocks', outputs: 1, factor: unit / scale, slots, pitch: slots });
  const polynomials = [polynomialOf(context, c0), polynomialOf(context, [c1])];
  const record = { level: 0, scale, limbs: baseLimbs, firstRow: 0, rowCount: 1, polynomials };
  return { rows: 1, classes: 1, keyId, modelId, packing, records: [record] };
}

/** (q − 1)/2: the largest coefficient of a decryption at level 0. */
function halfModulus(context: CkksContext): bigint {
  const q = context.indicesAt(0).reduce((product, i) => product * BigInt(context.ring.primes[i].p), 1n);
  return (q - 1n) / 2n;
}
