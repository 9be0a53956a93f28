/** The steps of a run: from the model or its last checkpoint to the last step, with a checkpoint after each. */
import { HermeticError } from '../base/errors.ts';
import type { BatchSource } from '../nn/feature-rows.ts';
import type { TrainingPlan } from '../nn/sealed/plan.ts';
import { noRefresher } from '../nn/sealed/refreshers.ts';
import { repackForBatch } from '../nn/sealed/repack.ts';
import type { SealedNetwork } from '../nn/sealed/sealed-network.ts';
import { runLoop, type SealedState, type TrainingLoop, trainSealed } from '../nn/sealed/training-loop.ts';
import { disposeAll } from '../nn/sealed/training-step.ts';
import type { RefreshTransport } from '../protocol/refresh-transport.ts';
import type { ReadSealedModel } from '../protocol/sealed-model.ts';
import type { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import type { Refresher } from '../schemes/refresher.ts';
import { bootstrapRefresher } from './bootstrapping.ts';
import type { ExecutorProvider, RunEnd } from './executor-provider.ts';
import type { FitOptions } from './fit-options.ts';
import { ownerRefresher } from './owner-refresher.ts';
import { type RefreshExchange, refreshExchange } from './refresh-exchange.ts';
import { type RunIdentity, type StoredRun, saveRun } from './run-checkpoint.ts';
import type { DataFingerprint } from './run-settings.ts';
import { loadWeights, type SealedWeights } from './sealed-weights.ts';
import type { TrainerKeys } from './trainer-keys.ts';

export interface TrainingRun {
  readonly model: ReadSealedModel;
  readonly keys: TrainerKeys;
  /** As the model is sealed; the plan may be narrowed to a smaller batch. */
  readonly network: SealedNetwork;
  readonly plan: TrainingPlan;
  /** By the shard: of all, unless others hold the rows. */
  readonly batches: ReadonlyMap<number, BatchSource>;
  readonly shards: readonly DataFingerprint[];
  /** Where an earlier process stopped. */
  readonly stored: StoredRun | undefined;
  readonly identity: RunIdentity;
  readonly options: FitOptions;
}

/** All steps that are left. Returns the weights after the last; they are the caller's. */
export async function takeSteps(run: TrainingRun): Promise<SealedWeights> {
  const { keys, plan, batches, options } = run;
  const { observer = {} } = options;
  const { evaluator } = keys;
  const start = startState(run);
  let end: SealedState<Ciphertext> | undefined;
  try {
    if (start.step > 0) observer.resumed?.(start.step);
    stopIfAsked(run, start.step);
    const loop = {
      evaluator,
      plan,
      state: start,
      ...(observer.step && { onStep: observer.step }),
      ...(observer.phase && { onPhase: observer.phase }),
    };
    end = options.executor
      ? await stepsElsewhere(run, options.executor, loop)
      : await trainSealed<Ciphertext>({
          ...loop,
          batches: [...batches.values()],
          refresher: refresherOf(run),
          checkpoint: (state) => afterStep(run, state),
        });
    disposeAll(evaluator, end.velocities, end.weights);
    return end.weights;
  } finally {
    disposeAll(evaluator, [start.weights, start.velocities], end?.weights);
  }
}

/** The same loop, its work done by another executor. */
async function stepsElsewhere(
  run: TrainingRun,
  provider: ExecutorProvider,
  loop: Omit<TrainingLoop<Ciphertext>, 'executor'>,
): Promise<SealedState<Ciphertext>> {
  const { model, keys, plan, identity, shards, batches, options } = run;
  const { signal } = options;
  const executor = await provider.start({
    model,
    keys,
    plan,
    identity,
    shards,
    batches,
    step: loop.state.step,
    refresher: () => refresherOf(run),
    exchange: typeof options.refresh === 'function' ? exchangeOf(run, options.refresh) : undefined,
    ...(signal && { signal }),
  });
  let ending: RunEnd = 'failed';
  try {
    const checkpoint = async (state: SealedState<Ciphertext>) => {
      await afterStep(run, state);
      await executor.kept?.(state.step);
    };
    const end = await runLoop<Ciphertext>({ ...loop, executor, checkpoint });
    ending = 'done';
    return end;
  } catch (error) {
    if (error instanceof HermeticError && error.code === 'ABORTED') ending = 'stopped';
    throw error;
  } finally {
    await executor.close(ending);
  }
}

/** From the checkpoint, or from the model, brought to the run's batch. */
function startState({ model, keys, network, plan, stored }: TrainingRun): SealedState<Ciphertext> {
  if (stored !== undefined) return stored.load(keys, plan);
  const loaded = loadWeights(keys.context, network, model.records);
  const weights = repackForBatch(keys.evaluator, network, loaded, plan.batch);
  disposeAll(keys.evaluator, loaded, weights);
  return { weights, velocities: undefined, step: 0 };
}

function refresherOf(run: TrainingRun): Refresher<Ciphertext> {
  const { keys, plan, options } = run;
  const { refresh, signal } = options;
  if (refresh === 'none') return noRefresher();
  if (typeof refresh === 'object') return bootstrapRefresher(keys, plan, refresh);
  return ownerRefresher(keys, exchangeOf(run, refresh), signal);
}

function exchangeOf({ keys, identity, options }: TrainingRun, transport: RefreshTransport): RefreshExchange {
  const { parameters, keyId } = keys;
  const { observer = {}, retry = {} } = options;
  const { run } = identity;
  const onRetry = observer.retry && { onRetry: observer.retry };
  return refreshExchange({ parameters, keyId, run, transport, ...retry, ...onRetry });
}

async function afterStep(run: TrainingRun, state: SealedState<Ciphertext>): Promise<void> {
  const { keys, model, identity, plan, options } = run;
  if (options.checkpoint) await saveRun(options.checkpoint, keys, model, identity, plan, state);
  stopIfAsked(run, state.step);
}

/** Between two steps, with the last one safe in its checkpoint; a run that is complete is not stopped any more. */
function stopIfAsked({ plan, options }: TrainingRun, step: number): void {
  if (!options.signal?.aborted || step >= plan.recipe.steps) return;
  const kept = options.checkpoint !== undefined;
  throw new HermeticError('ABORTED', `training stopped after step ${step} of ${plan.recipe.steps}`, {
    mend: kept ? 'The same command again goes on from there.' : 'Nothing was kept: name a checkpoint folder.',
  });
}
