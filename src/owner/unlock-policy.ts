/**
 * What an unlock request gets (security rules 1, 2 and 6), by the policy that the owner set for the party:
 *
 *   manual     nothing, until the owner has looked at it
 *   quota      decrypted predictions, rounded, while rows last
 *   verified   the owner's own predictions: computed on its own opened weights from the features that came along, and rounded
 *              as they would be. The file of predictions asks nothing: what it says is decrypted for the owner's eyes alone
 *              and compared, a mismatch is an alert. (An owner who did something that the party sees at every mismatch would
 *              answer a bit by it: revoke a party once.) But the weights can ask, where a trainer returned them.
 *
 * Two books bound what leaves. Rows, for each party and network, bound what is told of the network: every answer tells of it,
 * in every mode, for that is what a prediction is. Bits, for each key (`unlock-ledger.ts`), bound what answers tell of keys. A
 * decrypted answer is charged to the key of its ciphertext and to those that the weights went through before; an answer of the
 * owner's own making to those that its weights went through, and to none where no trainer ever returned them.
 */
import { bytesToHex, concatBytes, sha256, utf8ToBytes } from '../base/bytes.ts';
import { HermeticError, type HermeticErrorCode } from '../base/errors.ts';
import type { Architecture, LayerWeights } from '../nn/architecture.ts';
import { predictFeatures } from '../nn/evaluation.ts';
import { DenseRows } from '../nn/feature-rows.ts';
import { inputSize, outputSize } from '../nn/network.ts';
import type { SealedPredictions } from '../protocol/sealed-predictions.ts';
import type { ReleasedRow, ReleaseWish, UnlockPolicy, UnlockView } from '../protocol/service/types.ts';
import type { OwnerKeys } from './owner-keys.ts';
import { MAX_RELEASED_BITS, MAX_RELEASED_RANGE, type Release, releaseRow } from './release.ts';
import { askedRows, bitsOfRow, chargeOf, unlockPredictions } from './unlock.ts';
import { type CountedKey, type UnlockAnswer, UnlockLedger } from './unlock-ledger.ts';

export interface UnlockAsk {
  readonly predictions: SealedPredictions;
  /** Row numbers of the file, from 0. */
  readonly rows: readonly number[];
  /** Of verified mode: the features of those rows, in that order. */
  readonly features?: readonly (readonly number[])[] | undefined;
}

/** Rows that a party was answered, kept by whoever keeps the books. */
export interface RowAccount {
  /** Adds `rows` where the sum stays within `limit`, at once and for good; false, and nothing, where it does not. */
  take(rows: number, limit: number): Promise<boolean>;
  /** Takes back what was not answered. */
  giveBack(rows: number): Promise<void>;
}

export interface OwnedModel {
  readonly architecture: Architecture;
  readonly weights: readonly LayerWeights[];
  /** Enters what is told of these weights under all keys that they went through a trainer under. @throws POLICY_DENIED */
  charge(answers: readonly UnlockAnswer[]): Promise<void>;
}

export interface UnlockMeans {
  readonly policy: UnlockPolicy;
  readonly account: RowAccount;
  /** Those that the predictions were made under. */
  readonly keys: OwnerKeys;
  readonly ledger: UnlockLedger;
  /** The owner's own weights of a sealed model, by the identity of its file; undefined for models that it never got. */
  readonly openedModel: (modelId: string) => Promise<OwnedModel | undefined>;
}

export type UnlockDecision =
  | { readonly status: 'pending' }
  | { readonly status: 'denied'; readonly reason: string }
  | {
      readonly status: 'answered';
      readonly answers: readonly ReleasedRow[];
      /** Of verified mode, for the owner alone: rows of which the file says another class. The party must not see it. */
      readonly mismatches?: number;
    };

/**
 * What becomes of a request as it comes in.
 * @throws HermeticError WRONG_KEY, BAD_FILE, BAD_ARGUMENT for requests that cannot be answered under any policy; what the
 *   books throw
 */
export async function decideUnlock(ask: UnlockAsk, means: UnlockMeans): Promise<UnlockDecision> {
  checkAsk(ask);
  if (means.policy.mode === 'manual') return { status: 'pending' };
  return answer(ask, means);
}

/** The answer to a request that the owner has approved: as by quota, whatever waited, within the same books. Errors as above. */
export async function approveUnlock(ask: UnlockAsk, means: UnlockMeans): Promise<UnlockDecision> {
  checkAsk(ask);
  return answer(ask, means);
}

/** An unlock as its party may see it: without what was found out in comparing. */
export function unlockForParty({ mismatches: _, ...view }: UnlockView): UnlockView {
  return view;
}

async function answer(ask: UnlockAsk, means: UnlockMeans): Promise<UnlockDecision> {
  const { policy, account } = means;
  const { rows } = ask;
  const unfit = misfitOf(policy.release, ask.predictions.classes);
  if (unfit !== undefined) return { status: 'denied', reason: unfit };
  // Counted before anything is computed: whatever happens after, too much is counted and never too little.
  if (!(await account.take(rows.length, policy.rows))) return { status: 'denied', reason: usedUp(policy.rows) };
  let charged = false;
  const onCharged = (): void => {
    charged = true;
  };
  try {
    return await (policy.mode === 'verified' ? verified(ask, means, onCharged) : decrypted(ask, means, onCharged));
  } catch (error) {
    if (!(error instanceof HermeticError)) throw error;
    // Not once bits were entered: else a request that fails then would spend keys for nothing.
    if (!charged && REFUSALS.includes(error.code)) await account.giveBack(rows.length);
    if (error.code === 'POLICY_DENIED') return { status: 'denied', reason: error.message };
    throw error;
  }
}

/** Codes of the errors with which rows are refused before one of them is answered. */
const REFUSALS: readonly HermeticErrorCode[] = ['POLICY_DENIED', 'BAD_ARGUMENT', 'BAD_FILE', 'WRONG_KEY'];

/** Tells when it has charged. */
class HeardLedger extends UnlockLedger {
  readonly #inner: UnlockLedger;
  readonly #onCharged: () => void;

  constructor(inner: UnlockLedger, onCharged: () => void) {
    super();
    this.#inner = inner;
    this.#onCharged = onCharged;
  }

  override async charge(key: CountedKey, answers: readonly UnlockAnswer[]): Promise<void> {
    await this.#inner.charge(key, answers);
    this.#onCharged();
  }
}

/** The owner's rounded decryptions, charged to the key. */
async function decrypted(
  { predictions, rows }: UnlockAsk,
  { policy, keys, ledger }: UnlockMeans,
  onCharged: () => void,
): Promise<UnlockDecision> {
  const release = releaseOf(policy.release);
  const heard = new HeardLedger(ledger, onCharged);
  return { status: 'answered', answers: await unlockPredictions(predictions, keys, { ledger: heard, rows, release }) };
}

/** The owner's own predictions, rounded alike. */
async function verified(
  ask: UnlockAsk,
  { policy, keys, openedModel }: UnlockMeans,
  onCharged: () => void,
): Promise<UnlockDecision> {
  const { predictions, rows, features } = ask;
  if (features === undefined) {
    throw refusal('the features of the rows are missing', 'Send them: the owner answers with predictions of its own.');
  }
  const model = await openedModel(predictions.modelId);
  if (model === undefined) {
    throw refusal(
      'the owner has no weights for the model that predicted',
      'Submit the model first; of one that the gates refused nothing is answered.',
    );
  }
  checkFeatures(features, rows.length, model);
  askedRows(predictions, keys, rows);
  const { architecture, weights } = model;
  const width = outputSize(architecture);
  const release = releaseOf(policy.release);
  const charge = chargeOf(release, width);
  const questions = await Promise.all(features.map((row) => questionOf(predictions.modelId, row)));
  await model.charge(questions.map((question) => ({ predictions: question, row: 0, ...charge })));
  onCharged();
  const outputs = predictFeatures(architecture, weights, DenseRows.from(features));
  const own = rows.map((_, i) => outputs.subarray(i * width, (i + 1) * width));
  const mismatches = await countMismatches(ask, keys, own);
  return {
    status: 'answered',
    answers: own.map((values, i) => ({ row: rows[i], ...releaseRow(values, release) })),
    mismatches,
  };
}

/** What was asked of a model: the same features again tell nothing new. */
async function questionOf(modelId: string, features: readonly number[]): Promise<string> {
  const row = new Uint8Array(Float32Array.from(features).buffer);
  return bytesToHex(await sha256(concatBytes(utf8ToBytes(modelId), row)));
}

/** Outputs nearer to one another than this may honestly come out otherwise when they were sealed. */
const CLEAR_MARGIN = 2 ** -8;

/** Rows whose sealed prediction is of another class than the owner's clear one. Nothing of it leaves. */
async function countMismatches(
  { predictions, rows }: UnlockAsk,
  keys: OwnerKeys,
  own: readonly Float64Array[],
): Promise<number> {
  const sealed = await unlockPredictions(predictions, keys, { ledger: 'private', rows });
  return own.filter((values, i) => {
    const { label } = releaseRow(values, { kind: 'label' });
    return label !== sealed[i].label && marginOf(values) > CLEAR_MARGIN;
  }).length;
}

/** How far the outputs of a row are from another class. */
function marginOf(values: Float64Array): number {
  if (values.length === 1) return Math.abs(values[0] - 0.5);
  const [first, second] = values.toSorted((a, b) => b - a);
  return first - second;
}

function firstRepeated(rows: readonly number[]): number | undefined {
  const asked = new Set<number>();
  return rows.find((row) => {
    const repeated = asked.has(row);
    asked.add(row);
    return repeated;
  });
}

function checkAsk({ predictions, rows }: UnlockAsk): void {
  const isRow = (row: number): boolean => Number.isInteger(row) && row >= 0 && row < predictions.rows;
  const wrong = rows.find((row) => !isRow(row)) ?? firstRepeated(rows);
  if (rows.length >= 1 && wrong === undefined) return;
  throw new HermeticError('BAD_ARGUMENT', 'these rows cannot be unlocked', {
    expected: `one or more of rows 0 … ${predictions.rows - 1}, each once`,
    got: wrong === undefined ? 'none' : `row ${wrong}`,
  });
}

function checkFeatures(features: readonly (readonly number[])[], rows: number, { architecture }: OwnedModel): void {
  const columns = inputSize(architecture);
  // As they are computed with: what is finite as a double may not be as a Float32.
  const fits = features.every((row) => row.length === columns && row.every((x) => Number.isFinite(Math.fround(x))));
  if (fits && features.length === rows) return;
  throw new HermeticError('BAD_ARGUMENT', 'the features do not fit the rows and the network', {
    expected: `${rows} rows of ${columns} finite numbers`,
    mend: "Make them with the model's own settings, which travel in its file.",
  });
}

function releaseOf(wish: ReleaseWish): Release {
  if (wish.kind === 'label') return wish;
  const { kind, bits, range } = wish;
  return { kind, bits, ...(range !== undefined && { range }) };
}

/** Why a policy cannot be carried out for so many outputs; undefined where it can. */
export function misfitOf(release: ReleaseWish, outputs: number): string | undefined {
  if (release.kind === 'label') return undefined;
  const { bits, range = [0, 1] } = release;
  if (bits < outputs || outputs > MAX_RELEASED_BITS) {
    return `${bits} bits a row do not go round among ${outputs} outputs: let the owner release labels`;
  }
  if (range.some((end) => Math.abs(end) > MAX_RELEASED_RANGE)) {
    return `the range of what is released goes beyond ±${MAX_RELEASED_RANGE}: let the owner narrow it`;
  }
  if (range[1] - range[0] >= 1) return undefined;
  return 'the range of what is released is shorter than 1: let the owner widen it';
}

/** Bits of the key that a decrypted answer to so many rows costs at most; undefined where the policy cannot be carried out. */
export function bitsOfAnswer({ release }: UnlockPolicy, rows: number, outputs: number): number | undefined {
  return misfitOf(release, outputs) === undefined ? rows * bitsOfRow(releaseOf(release), outputs) : undefined;
}

function usedUp(limit: number): string {
  return `no more than ${limit} rows are released to this party: ask the owner for more`;
}

function refusal(summary: string, mend: string): HermeticError {
  return new HermeticError('POLICY_DENIED', summary, { mend });
}
