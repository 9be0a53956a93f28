/**
 * What a model must pass before it becomes the owner's next one (security rule 9). A trainer may do anything: nothing that
 * it says counts here, only the weights that it handed back, on rows that it never saw.
 *
 * A verdict tells of weights that the trainer chose, as an unlocked prediction does: whether a gate was passed is a bit to be
 * charged (`unlock-ledger.ts`), and the figures of `detail` are for the owner's eyes alone.
 *
 * What gates do not find: a model that is right on the held-out rows and wrong where its trainer wants it (a back door).
 * They bound how far one round can go, no more.
 */
import { groupedDigits } from '../base/grouped-digits.ts';
import type { Architecture, LayerWeights } from '../nn/architecture.ts';
import { predictFeatures } from '../nn/evaluation.ts';
import type { TrainingData } from '../nn/feature-rows.ts';
import { lossValue } from '../nn/losses.ts';
import { classes } from '../nn/metrics.ts';
import { outputSize } from '../nn/network.ts';
import { parameterArrays, zeroWeights } from '../nn/weights.ts';
import type { GateResult, Gates } from '../protocol/service/types.ts';

export interface GatedRound {
  readonly architecture: Architecture;
  /** As they were handed out. */
  readonly before: readonly LayerWeights[];
  /** As they came back. */
  readonly after: readonly LayerWeights[];
  /** Rows that no trainer has. */
  readonly heldOut?: TrainingData | undefined;
  readonly gates: Gates;
}

type Gate = GateResult['gate'];

/** What a gate says: passed or not, and why. */
type Verdict = Omit<GateResult, 'gate'>;

/**
 * The gates that are set, 'finite' always and first. A gate that cannot be judged is not passed.
 * @throws RangeError where the shapes are not those of the architecture
 */
export function runGates(round: GatedRound): GateResult[] {
  checkShapes(round.architecture, round.before, 'before');
  checkShapes(round.architecture, round.after, 'after');
  const finite = judgeFinite(round);
  const judge = finite.passed ? judgeFiniteRound : unjudged;
  return [{ gate: 'finite', ...finite }, ...judge(round)];
}

export function passedAll(results: readonly GateResult[]): boolean {
  return results.every(({ passed }) => passed);
}

/** Share of rows whose class is the target's; a row with an output that is not finite counts as wrong. NaN without rows. */
export function heldOutAccuracy(
  architecture: Architecture,
  weights: readonly LayerWeights[],
  heldOut: TrainingData,
): number {
  return rightRows(architecture, weights, heldOut) / heldOut.features.rows;
}

/** ½·Σ(ŷ − y)² a row, as every loss curve shows it; not finite where an output is not. NaN without rows. */
export function heldOutLoss(
  architecture: Architecture,
  weights: readonly LayerWeights[],
  heldOut: TrainingData,
): number {
  return lossOf(predictFeatures(architecture, weights, heldOut.features), heldOut);
}

/** How good weights are on rows that no trainer has: for the owner, who has the key. */
export interface HeldOutFigures {
  readonly accuracy: number;
  /** Undefined where it is not finite. */
  readonly loss: number | undefined;
}

/** Undefined without rows. */
export function heldOutFigures(
  architecture: Architecture,
  weights: readonly LayerWeights[],
  heldOut: TrainingData | undefined,
): HeldOutFigures | undefined {
  if (!hasRows(heldOut)) return undefined;
  const predictions = predictFeatures(architecture, weights, heldOut.features);
  const accuracy = rightOf(predictions, outputSize(architecture), heldOut) / heldOut.features.rows;
  const loss = lossOf(predictions, heldOut);
  return { accuracy, loss: Number.isFinite(loss) ? loss : undefined };
}

/** The gates that stand in a policy, in the order in which they are told. */
const SETTABLE = ['accuracyFloor', 'accuracyDrop', 'lossRise', 'normChange', 'weightRange'] as const;

function unjudged({ gates }: GatedRound): GateResult[] {
  const detail = 'not judged, for the weights are not finite';
  return SETTABLE.filter((gate) => gates[gate] !== undefined).map((gate) => ({ gate, passed: false, detail }));
}

function judgeFiniteRound(round: GatedRound): GateResult[] {
  const { accuracyFloor, accuracyDrop, lossRise, normChange, weightRange } = round.gates;
  const results: GateResult[] = [];
  const note = (gate: Gate, verdict: Verdict): void => void results.push({ gate, ...verdict });
  if (accuracyFloor !== undefined) note('accuracyFloor', judgeFloor(round, accuracyFloor));
  if (accuracyDrop !== undefined) note('accuracyDrop', judgeDrop(round, accuracyDrop));
  if (lossRise !== undefined) note('lossRise', judgeLoss(round, lossRise));
  if (normChange !== undefined) note('normChange', judgeChange(round, normChange));
  if (weightRange !== undefined) note('weightRange', judgeRange(round, weightRange));
  return results;
}

function judgeFinite({ architecture, after }: GatedRound): Verdict {
  for (const [layer, { kernel, bias }] of after.entries()) {
    const bad = [...kernel, ...(bias ?? [])].filter((w) => !Number.isFinite(w)).length;
    if (bad > 0) return { passed: false, detail: `${bad} weights of layer ${layer + 1} are no finite numbers` };
  }
  return { passed: true, detail: `all ${groupedDigits(weightsOf(architecture))} weights are finite` };
}

function judgeFloor({ architecture, after, heldOut }: GatedRound, floor: number): Verdict {
  if (!hasRows(heldOut)) return noRows();
  const right = rightRows(architecture, after, heldOut);
  const { rows } = heldOut.features;
  const detail = `${percent(right / rows)} right of ${groupedDigits(rows)} rows held out; at least ${percent(floor)} must be`;
  return { passed: right >= floor * rows - ROUNDING, detail };
}

function judgeDrop({ architecture, before, after, heldOut }: GatedRound, drop: number): Verdict {
  if (!hasRows(heldOut)) return noRows();
  const { rows } = heldOut.features;
  const [was, is] = [before, after].map((weights) => rightRows(architecture, weights, heldOut));
  const detail =
    `${percent(is / rows)} after ${percent(was / rows)}, of ${groupedDigits(rows)} rows held out; ` +
    `at most ${points(drop)} may be lost`;
  return { passed: was - is <= drop * rows + ROUNDING, detail };
}

function judgeLoss({ architecture, before, after, heldOut }: GatedRound, rise: number): Verdict {
  if (!hasRows(heldOut)) return noRows('loss');
  const [was, is] = [before, after].map((weights) => heldOutLoss(architecture, weights, heldOut));
  const detail =
    `loss ${figure(is)} after ${figure(was)}, on ${groupedDigits(heldOut.features.rows)} rows held out; ` +
    `it may rise by at most ${percent(rise)}`;
  // A loss that was not finite sets no bound; one that is not finite now keeps none.
  return { passed: Number.isFinite(is) && !(is > was * (1 + rise) * (1 + ROUNDING)), detail };
}

function judgeChange({ before, after }: GatedRound, most: number): Verdict {
  const [a, b] = [parameterArrays(before), parameterArrays(after)];
  const change = norm(b.map((values, i) => values.map((w, k) => w - a[i][k])));
  const size = norm(a);
  if (size === 0 && change > 0) {
    const detail =
      'the weights were all zero before, so that any change is without measure: set a weight range instead';
    return { passed: false, detail };
  }
  const ratio = size === 0 ? 0 : change / size;
  const detail = `the weights changed by ${figure(ratio)} of their norm (${figure(change)} of ${figure(size)}); `;
  return { passed: ratio <= most, detail: `${detail}at most ${figure(most)} is allowed` };
}

function judgeRange({ after }: GatedRound, most: number): Verdict {
  const largest = parameterArrays(after).reduce(
    (worst, values) => values.reduce((m, w) => Math.max(m, Math.abs(w)), worst),
    0,
  );
  return {
    passed: largest <= most,
    detail: `the largest weight is ${figure(largest)}; at most ${figure(most)} is allowed`,
  };
}

/** Of a count of rows against a share of them, and of a loss against another, in doubles. */
const ROUNDING = 1e-9;

function rightRows(architecture: Architecture, weights: readonly LayerWeights[], heldOut: TrainingData): number {
  return rightOf(predictFeatures(architecture, weights, heldOut.features), outputSize(architecture), heldOut);
}

function lossOf(predictions: Float64Array, { features, targets }: TrainingData): number {
  return lossValue(predictions, targets, features.rows);
}

function rightOf(predictions: Float64Array, outputs: number, heldOut: TrainingData): number {
  const [predicted, actual] = [predictions, heldOut.targets].map((values) => classes(values, outputs));
  let right = 0;
  for (let row = 0; row < actual.length; row++) {
    const finite = predictions.subarray(row * outputs, (row + 1) * outputs).every(Number.isFinite);
    if (finite && predicted[row] === actual[row]) right++;
  }
  return right;
}

function hasRows(heldOut: TrainingData | undefined): heldOut is TrainingData {
  return heldOut !== undefined && heldOut.features.rows > 0;
}

function noRows(what: 'accuracy' | 'loss' = 'accuracy'): Verdict {
  const detail = `no rows are held out, so that ${what} cannot be judged: add some to the network, or drop this gate`;
  return { passed: false, detail };
}

function checkShapes(architecture: Architecture, weights: readonly LayerWeights[], name: string): void {
  const [got, expected] = [weights, zeroWeights(architecture)].map((layers) =>
    layers.map(({ kernel, bias }) => `${kernel.length}+${bias?.length ?? 0}`).join(', '),
  );
  if (got !== expected) throw new RangeError(`${name}: expected weights and biases of ${expected}, got ${got}`);
}

function weightsOf(architecture: Architecture): number {
  return parameterArrays(zeroWeights(architecture)).reduce((sum, { length }) => sum + length, 0);
}

/** √Σ over all entries, none of which is squared before it is scaled: finite weights have a finite norm. */
function norm(arrays: readonly Float64Array[]): number {
  return arrays.reduce((sum, values) => values.reduce((h, w) => Math.hypot(h, w), sum), 0);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function points(share: number): string {
  const value = Number((100 * share).toFixed(2));
  return `${value} ${value === 1 ? 'point' : 'points'}`;
}

function figure(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : 'infinity';
}
