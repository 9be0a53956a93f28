/** Sealed training: forward, loss, backward, update, refresh, step after step. */

import { HermeticError } from '../../base/errors.ts';
import type { Refresher } from '../../schemes/refresher.ts';
import type { Evaluator, SlotCiphertext } from '../../schemes/scheme.ts';
import type { BatchSource } from '../feature-rows.ts';
import { learningRateAt } from '../schedules.ts';
import { flattenLayers, type LayerCiphertexts, unflattenLayers } from './layer-ciphertexts.ts';
import type { TrainingPlan } from './plan.ts';
import { disposeAll, lowestLevel, type StepPhase, stepPhases } from './training-step.ts';

/** A run between two steps: what a checkpoint stores. Under Nesterov's momentum see `update.ts` for what it means. */
export interface SealedState<C> {
  readonly weights: readonly LayerCiphertexts<C>[];
  /** Absent before the first step, after the last, and without momentum. */
  readonly velocities: readonly LayerCiphertexts<C>[] | undefined;
  /** Steps taken by this run. */
  readonly step: number;
}

export type TrainingPhase = 'batch' | StepPhase | 'refresh';

export interface PhaseReport {
  readonly phase: TrainingPhase;
  /** Lowest level after the phase. */
  readonly level: number;
  readonly ms: number;
}

export interface SealedStepReport {
  /** The step just taken, from 0, and how many there are. */
  readonly step: number;
  readonly steps: number;
  readonly learningRate: number;
  /** Level of the weights after the step and its refresh, and where a fresh one starts. */
  readonly level: number;
  readonly freshLevel: number;
  /** Steps until the next refresh; 0 when this step ended with one, undefined when no more will come. */
  readonly refreshIn: number | undefined;
  /** In order; the curve of levels over a step. */
  readonly phases: readonly PhaseReport[];
  readonly ms: number;
}

export interface SealedTraining<C extends SlotCiphertext> {
  readonly evaluator: Evaluator<C>;
  readonly plan: TrainingPlan;
  /** Its ciphertexts stay the caller's. */
  readonly state: SealedState<C>;
  readonly batches: BatchSource;
  readonly refresher: Refresher<C>;
  readonly signal?: AbortSignal;
  /** Refresh after the last step too, so that the weights can be used further. Default: unless the mode is 'none'. */
  readonly refreshLast?: boolean;
  /** Called after every step (and its refresh). The state is valid until the promise resolves. */
  readonly checkpoint?: (state: SealedState<C>) => Promise<void>;
  readonly onStep?: (report: SealedStepReport) => void;
  /** Called within a step, for a progress bar. */
  readonly onPhase?: (step: number, report: PhaseReport) => void;
}

/**
 * Takes the steps state.step … recipe.steps − 1 and returns the state after the last; its ciphertexts are the caller's.
 * HermeticError ABORTED by the signal (what the last `checkpoint` saw is where to go on), LEVELS_EXHAUSTED where a
 * refresh is needed and there is none, and whatever the refresher throws.
 */
export async function trainSealed<C extends SlotCiphertext>(training: SealedTraining<C>): Promise<SealedState<C>> {
  const { evaluator, plan, signal } = training;
  const { steps } = plan.recipe;
  checkBatches(training);
  let state = lowerToFresh(evaluator, training.state, plan.freshLevel);
  const replace = (next: SealedState<C>) => {
    disposeAll(evaluator, state, [training.state, next]);
    state = next;
  };
  try {
    while (state.step < steps) {
      const { step } = state;
      const phases: PhaseReport[] = [];
      const clock = stopwatch((report) => {
        phases.push(report);
        training.onPhase?.(step, report);
      });
      if (lowestLevel(state) < plan.levelsPerStep) {
        replace(await refreshed(training, state));
        clock('refresh', lowestLevel(state));
      }
      replace(await takeStep(training, state, clock));
      const spent = lowestLevel(state) < plan.levelsPerStep;
      const wanted = state.step < steps ? spent : refreshesLast(training);
      if (wanted) {
        replace(await refreshed(training, state));
        clock('refresh', lowestLevel(state));
      }
      await training.checkpoint?.(state);
      training.onStep?.(stepReport(training, step, phases, lowestLevel(state), wanted));
    }
    return state;
  } catch (error) {
    disposeAll(evaluator, state, training.state);
    throw signal?.aborted === true && !(error instanceof HermeticError) ? aborted(state.step) : error;
  }
}

type Clock = (phase: TrainingPhase, level: number) => void;

function stopwatch(report: (report: PhaseReport) => void): Clock {
  let last = performance.now();
  return (phase, level) => {
    const now = performance.now();
    report({ phase, level, ms: now - last });
    last = now;
  };
}

async function takeStep<C extends SlotCiphertext>(
  training: SealedTraining<C>,
  state: SealedState<C>,
  clock: Clock,
): Promise<SealedState<C>> {
  const { evaluator, plan, batches, signal } = training;
  const { step } = state;
  stopIfAborted(signal, step);
  const batch = batches.next(step);
  clock('batch', lowestLevel(state));
  const task = { evaluator, network: plan, recipe: plan.recipe, step };
  const phases = stepPhases(task, state, batch);
  try {
    let turn = phases.next();
    for (; !turn.done; turn = phases.next()) {
      clock(turn.value.phase, turn.value.level);
      await letOthersWork();
      stopIfAborted(signal, step);
    }
    clock('update', lowestLevel(turn.value));
    return { ...turn.value, step: step + 1 };
  } finally {
    // Frees what an interrupted step has made.
    phases.return({ weights: [], velocities: undefined });
  }
}

/** All ciphertexts of the state in one request: one step, one refresh. */
async function refreshed<C extends SlotCiphertext>(
  training: SealedTraining<C>,
  state: SealedState<C>,
): Promise<SealedState<C>> {
  const { plan, refresher, signal } = training;
  stopIfAborted(signal, state.step);
  const weights = flattenLayers(state.weights);
  const velocities = flattenLayers(state.velocities ?? []);
  const request = { level: plan.freshLevel, step: state.step, ...(signal && { signal }) };
  const fresh = await refresher.refresh([...weights, ...velocities], request);
  if (fresh.length !== weights.length + velocities.length) {
    throw new HermeticError('REFRESH_FAILED', 'the refresh returned another number of ciphertexts', {
      expected: `${weights.length + velocities.length}`,
      got: `${fresh.length}`,
      mend: 'Check the refresh server.',
    });
  }
  return {
    weights: unflattenLayers(state.weights, fresh.slice(0, weights.length)),
    velocities: state.velocities && unflattenLayers(state.velocities, fresh.slice(weights.length)),
    step: state.step,
  };
}

/** Work at low levels is cheaper: nothing stands higher than the plan needs. */
function lowerToFresh<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  state: SealedState<C>,
  level: number,
): SealedState<C> {
  const lower = (layers: readonly LayerCiphertexts<C>[]) =>
    unflattenLayers(
      layers,
      flattenLayers(layers).map((c) => (c.level > level ? evaluator.dropToLevel(c, level) : c)),
    );
  return { ...state, weights: lower(state.weights), velocities: state.velocities && lower(state.velocities) };
}

function stepReport<C extends SlotCiphertext>(
  training: SealedTraining<C>,
  step: number,
  phases: readonly PhaseReport[],
  level: number,
  justRefreshed: boolean,
): SealedStepReport {
  const { plan } = training;
  const { steps } = plan.recipe;
  const left = steps - step - 1;
  const possible = Math.floor(level / plan.levelsPerStep);
  const coming = possible < left || (left > 0 && refreshesLast(training));
  return {
    step,
    steps,
    learningRate: learningRateAt(plan.recipe, step),
    level,
    freshLevel: plan.freshLevel,
    refreshIn: justRefreshed ? 0 : coming ? Math.min(possible, left) : undefined,
    phases,
    ms: phases.reduce((sum, { ms }) => sum + ms, 0),
  };
}

function refreshesLast<C extends SlotCiphertext>({ refreshLast, refresher }: SealedTraining<C>): boolean {
  return refreshLast ?? refresher.mode !== 'none';
}

/** Timers, sockets and signals get their turn between two phases. */
function letOthersWork(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function stopIfAborted(signal: AbortSignal | undefined, step: number): void {
  if (signal?.aborted === true) throw aborted(step);
}

function aborted(step: number): HermeticError {
  return new HermeticError('ABORTED', `training stopped in step ${step + 1}`, {
    mend: 'Run the same command again to go on from the last checkpoint.',
  });
}

function checkBatches<C extends SlotCiphertext>({ plan, batches }: SealedTraining<C>): void {
  const { layers } = plan.architecture;
  const outputs = layers[layers.length - 1].units;
  const { batch, columns } = batches;
  if (batch !== plan.batch || columns !== layers[0].inputs || batches.outputs !== outputs) {
    const expected = `${plan.batch} rows of ${layers[0].inputs} → ${outputs}`;
    throw new RangeError(`batches: expected ${expected}, got ${batch} of ${columns} → ${batches.outputs}`);
  }
}
