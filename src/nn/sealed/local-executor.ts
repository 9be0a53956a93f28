/** The work of a training loop in this process: shard after shard, on the threads of the evaluator's engine. */

import { HermeticError } from '../../base/errors.ts';
import type { Refresher } from '../../schemes/refresher.ts';
import type { Evaluator, SlotCiphertext } from '../../schemes/scheme.ts';
import type { BatchSource } from '../feature-rows.ts';
import { type Executor, type PhaseClock, type SealedState, stopIfAborted } from './executor.ts';
import { flattenLayers, type LayerCiphertexts, unflattenLayers } from './layer-ciphertexts.ts';
import type { TrainingPlan } from './plan.ts';
import { disposeAll, gradientPhases, lowestLevel, ruleOf } from './training-step.ts';
import { updateSealed } from './update.ts';

export interface LocalWork<C extends SlotCiphertext> {
  readonly evaluator: Evaluator<C>;
  readonly plan: TrainingPlan;
  /** One a shard. */
  readonly batches: BatchSource | readonly BatchSource[];
  readonly refresher: Refresher<C>;
  readonly signal?: AbortSignal;
}

/** @throws RangeError for batches that do not fit the plan */
export function localExecutor<C extends SlotCiphertext>(work: LocalWork<C>): Executor<C> {
  const shards = 'next' in work.batches ? [work.batches] : work.batches;
  checkShards(work.plan, shards);
  return {
    step: (state, clock) => takeStep(work, shards, state, clock),
    refresh: (state) => refreshAll(work, state),
  };
}

async function takeStep<C extends SlotCiphertext>(
  { evaluator, plan, signal }: LocalWork<C>,
  shards: readonly BatchSource[],
  state: SealedState<C>,
  clock: PhaseClock,
): Promise<SealedState<C>> {
  const { step } = state;
  const task = { evaluator, network: plan, recipe: plan.recipe, step };
  let sum: LayerCiphertexts<C>[] | undefined;
  try {
    for (const shard of shards) {
      stopIfAborted(signal, step);
      const batch = shard.next(step);
      clock('batch', lowestLevel(state));
      const phases = gradientPhases(task, state.weights, batch);
      const gradients = await inTurns(phases, clock, signal, step);
      sum = addUp(evaluator, sum, gradients);
      if (sum !== gradients) clock('sum', lowestLevel(sum));
    }
    const next = updateSealed(evaluator, ruleOf(task), state, sum as LayerCiphertexts<C>[]);
    clock('update', lowestLevel(next));
    return { ...next, step: step + 1 };
  } finally {
    disposeAll(evaluator, sum, state);
  }
}

/** Runs the phases to their end, with a turn for timers, sockets and signals after each. */
async function inTurns<C extends SlotCiphertext>(
  phases: ReturnType<typeof gradientPhases<C>>,
  clock: PhaseClock,
  signal: AbortSignal | undefined,
  step: number,
): Promise<LayerCiphertexts<C>[]> {
  try {
    let turn = phases.next();
    for (; !turn.done; turn = phases.next()) {
      clock(turn.value.phase, turn.value.level);
      await letOthersWork();
      stopIfAborted(signal, step);
    }
    return turn.value;
  } finally {
    // Frees what an interrupted step has made.
    phases.return([]);
  }
}

/** Frees both and returns their sum; the second itself where it is the first there is. */
function addUp<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  sum: LayerCiphertexts<C>[] | undefined,
  gradients: LayerCiphertexts<C>[],
): LayerCiphertexts<C>[] {
  if (sum === undefined) return gradients;
  const terms = flattenLayers(gradients);
  const total = flattenLayers(sum).map((term, i) => evaluator.add(term, terms[i]));
  disposeAll(evaluator, [sum, gradients], total);
  return unflattenLayers(gradients, total);
}

/** All ciphertexts of the state in one request: one step, one refresh. */
export async function refreshAll<C extends SlotCiphertext>(
  { plan, refresher, signal }: Pick<LocalWork<C>, 'plan' | 'refresher' | 'signal'>,
  state: SealedState<C>,
): Promise<SealedState<C>> {
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

/** Timers, sockets and signals get their turn between two phases. */
function letOthersWork(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function checkShards({ architecture, batch, shards }: TrainingPlan, sources: readonly BatchSource[]): void {
  const { layers } = architecture;
  const outputs = layers[layers.length - 1].units;
  if (sources.length !== shards) throw new RangeError(`batches: expected ${shards} shards, got ${sources.length}`);
  for (const source of sources) {
    if (source.batch === batch && source.columns === layers[0].inputs && source.outputs === outputs) continue;
    const expected = `${batch} rows of ${layers[0].inputs} → ${outputs}`;
    throw new RangeError(`batches: expected ${expected}, got ${source.batch} of ${source.columns} → ${source.outputs}`);
  }
}
