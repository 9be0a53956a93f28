/** Sealed training: forward, loss, backward, update, refresh, step after step. */

import { HermeticError } from '../../base/errors.ts';
import type { Evaluator, SlotCiphertext } from '../../schemes/scheme.ts';
import { learningRateAt } from '../schedules.ts';
import {
  abortedIn,
  type Executor,
  type PhaseClock,
  type SealedState,
  stopIfAborted,
  type TrainingPhase,
} from './executor.ts';
import { flattenLayers, type LayerCiphertexts, unflattenLayers } from './layer-ciphertexts.ts';
import { type LocalWork, localExecutor } from './local-executor.ts';
import type { TrainingPlan } from './plan.ts';
import { disposeAll, lowestLevel } from './training-step.ts';

export type { SealedState, TrainingPhase } from './executor.ts';

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

/** A loop that does not know who does its work. */
export interface TrainingLoop<C extends SlotCiphertext> {
  readonly evaluator: Evaluator<C>;
  readonly plan: TrainingPlan;
  /** Its ciphertexts stay the caller's. */
  readonly state: SealedState<C>;
  readonly executor: Executor<C>;
  readonly signal?: AbortSignal;
  /** Refresh after the last step too, so that the weights can be used further. Default: unless the mode is 'none'. */
  readonly refreshLast?: boolean;
  /** Called after every step (and its refresh). The state is valid until the promise resolves. */
  readonly checkpoint?: (state: SealedState<C>) => Promise<void>;
  readonly onStep?: (report: SealedStepReport) => void;
  /** Called within a step, for a progress bar. */
  readonly onPhase?: (step: number, report: PhaseReport) => void;
}

/** A loop whose work is done here. */
export type SealedTraining<C extends SlotCiphertext> = Omit<TrainingLoop<C>, 'executor'> &
  Pick<LocalWork<C>, 'batches' | 'refresher'>;

/**
 * Takes the steps state.step … recipe.steps − 1 on this machine and returns the state after the last; its ciphertexts are
 * the caller's. Errors as `runLoop`.
 */
export async function trainSealed<C extends SlotCiphertext>(training: SealedTraining<C>): Promise<SealedState<C>> {
  const { batches, refresher, ...loop } = training;
  const refreshLast = loop.refreshLast ?? refresher.mode !== 'none';
  return runLoop({ ...loop, refreshLast, executor: localExecutor(training) });
}

/**
 * Takes the steps state.step … recipe.steps − 1 and returns the state after the last; its ciphertexts are the caller's.
 * HermeticError ABORTED by the signal (what the last `checkpoint` saw is where to go on), LEVELS_EXHAUSTED where a
 * refresh is needed and there is none, and whatever the executor throws.
 */
export async function runLoop<C extends SlotCiphertext>(loop: TrainingLoop<C>): Promise<SealedState<C>> {
  const { evaluator, plan, executor, signal } = loop;
  const { steps } = plan.recipe;
  let state = lowerToFresh(evaluator, loop.state, plan.freshLevel);
  const replace = (next: SealedState<C>) => {
    disposeAll(evaluator, state, [loop.state, next]);
    state = next;
  };
  try {
    while (state.step < steps) {
      const { step } = state;
      const phases: PhaseReport[] = [];
      const clock = stopwatch((report) => {
        phases.push(report);
        loop.onPhase?.(step, report);
      });
      const refresh = async () => {
        stopIfAborted(signal, state.step);
        replace(await executor.refresh(state));
        clock('refresh', lowestLevel(state));
      };
      if (lowestLevel(state) < plan.levelsPerStep) await refresh();
      stopIfAborted(signal, step);
      replace(await executor.step(state, clock));
      const spent = lowestLevel(state) < plan.levelsPerStep;
      const wanted = state.step < steps ? spent : refreshesLast(loop);
      if (wanted) await refresh();
      await loop.checkpoint?.(state);
      loop.onStep?.(stepReport(loop, step, phases, lowestLevel(state), wanted));
    }
    return state;
  } catch (error) {
    disposeAll(evaluator, state, loop.state);
    throw signal?.aborted === true && !(error instanceof HermeticError) ? abortedIn(state.step) : error;
  }
}

function stopwatch(report: (report: PhaseReport) => void): PhaseClock {
  let last = performance.now();
  return (phase, level) => {
    const now = performance.now();
    report({ phase, level, ms: now - last });
    last = now;
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
  loop: TrainingLoop<C>,
  step: number,
  phases: readonly PhaseReport[],
  level: number,
  justRefreshed: boolean,
): SealedStepReport {
  const { plan } = loop;
  const { steps } = plan.recipe;
  const left = steps - step - 1;
  const possible = Math.floor(level / plan.levelsPerStep);
  const coming = possible < left || (left > 0 && refreshesLast(loop));
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

function refreshesLast<C extends SlotCiphertext>({ refreshLast, plan }: TrainingLoop<C>): boolean {
  return refreshLast ?? plan.refreshMode !== 'none';
}
