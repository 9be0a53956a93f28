/**
 * Who does the work of a training loop. The loop says what is wanted; an executor has it done by the threads of this
 * process (`local-executor.ts`) or by many machines.
 *
 * The rows of a step are dealt into S shards of B/S rows. A shard is computed like a batch of B/S rows in the layout of
 * such a batch: as many levels and the same kinds of rotations, B/S diagonals instead of B, and rate · gradient with the
 * rate of the whole batch. So the sum over the shards is the gradient of the step, and no shard computes what another
 * does. Gradients of one step have the levels and scales that the plan gives them, whatever their rows: they are added
 * residue by residue, exactly, and any order of the additions gives the same bits.
 */

import { HermeticError } from '../../base/errors.ts';
import type { SlotCiphertext } from '../../schemes/scheme.ts';
import type { LayerCiphertexts } from './layer-ciphertexts.ts';
import type { StepPhase } from './training-step.ts';

/** A run between two steps: what a checkpoint stores. Under Nesterov's momentum see `update.ts` for what it means. */
export interface SealedState<C> {
  readonly weights: readonly LayerCiphertexts<C>[];
  /** Absent before the first step, after the last, and without momentum. */
  readonly velocities: readonly LayerCiphertexts<C>[] | undefined;
  /** Steps taken by this run. */
  readonly step: number;
}

/** 'gradients': those of all shards, where they are not computed here. */
export type TrainingPhase = 'batch' | StepPhase | 'gradients' | 'sum' | 'refresh';

/** Told of each phase that is done, and of the lowest level among what it made. */
export type PhaseClock = (phase: TrainingPhase, level: number) => void;

export interface Executor<C extends SlotCiphertext> {
  /** The state after step `state.step`: gradients, their sum, the update. Its ciphertexts are new and the caller's. */
  step(state: SealedState<C>, clock: PhaseClock): Promise<SealedState<C>>;
  /** The same values in ciphertexts of the plan's fresh level, which are new and the caller's. */
  refresh(state: SealedState<C>): Promise<SealedState<C>>;
}

export function stopIfAborted(signal: AbortSignal | undefined, step: number): void {
  if (signal?.aborted === true) throw abortedIn(step);
}

export function abortedIn(step: number): HermeticError {
  return new HermeticError('ABORTED', `training stopped in step ${step + 1}`, {
    mend: 'Run the same command again to go on from the last checkpoint.',
  });
}
