/** A sealed run before it runs: plan, sizes, seconds, and the twin that learns what it would learn. */

import { HermeticError } from '../base/errors.ts';
import type { TrainingRecipe } from '../nn/architecture.ts';
import { type Evaluation, evaluateData } from '../nn/evaluation.ts';
import { planTraining, type RefreshMode, type TrainingPlan } from '../nn/sealed/plan.ts';
import type { TwinRun } from '../nn/twin.ts';
import type { CkksParameters } from '../schemes/ckks/parameters.ts';
import { type PlanSizes, planSizes } from '../trainer/plan-sizes.ts';
import type { PrivacyReport } from '../trainer/privacy.ts';
import type { Console } from './console.ts';
import { type DataRequest, loadDataset } from './data-source.ts';
import { type Forecast, forecastStep } from './forecast.ts';
import { featureSettingsOf } from './model-files.ts';
import { noisyDataset } from './privacy-words.ts';
import { loadPublicModel } from './public-model.ts';
import { simulateTwin } from './simulated-twin.ts';
import { prepareTraining, type TrainingFlags } from './training-flags.ts';

export interface SimulationRequest extends DataRequest, TrainingFlags {
  readonly set: string;
  readonly refresh: RefreshMode;
  /** Data to measure the twin on. */
  readonly test: string | undefined;
  /** Times the operations on this machine. */
  readonly time: boolean;
  readonly threads: number | undefined;
}

export interface Simulation {
  readonly parameters: CkksParameters;
  readonly plan: TrainingPlan;
  readonly sizes: PlanSizes;
  readonly forecast: Forecast | undefined;
  readonly recipe: TrainingRecipe;
  readonly run: TwinRun;
  readonly evaluation: Evaluation | undefined;
  /** Of the rows that the twin was trained on. */
  readonly privacy: PrivacyReport | undefined;
}

/** HermeticError PLAN_REFUSED, BAD_DATA, BAD_FILE, DIVERGED, ABORTED. */
export async function simulateRun(console: Console, path: string, request: SimulationRequest): Promise<Simulation> {
  const { signal } = console.io;
  const model = await loadPublicModel(console, path, request.set);
  const { architecture, parameters, layout } = model;
  const settings = featureSettingsOf(model, path);
  const own = await loadDataset(request, settings, 'train', signal);
  const { data, privacy } = await noisyDataset(console, own, request, model.features);
  const { recipe: open, batches } = prepareTraining(request, {
    data,
    ...(layout !== undefined && { sealedBatch: layout.packing.batch }),
  });
  // Levels and sizes do not depend on the learning rate: a run that cannot be carried out is refused first.
  if (request.refresh === 'bootstrap') requireBootstrapping(parameters);
  const plan = planTraining(
    architecture,
    { ...open, learningRate: open.learningRate ?? 1 },
    {
      slots: parameters.slots,
      maxLevel: parameters.maxLevel,
      refreshMode: request.refresh,
      rows: data.features.rows,
      ...(layout !== undefined && { layout }),
    },
  );
  const { recipe, run } = await simulateTwin(console, model, plan, open, batches, signal);
  const forecast = request.time ? await forecastStep(plan, parameters.set, request.threads) : undefined;
  let evaluation: Evaluation | undefined;
  if (request.test !== undefined) {
    const { features, targets } = await loadDataset({ data: request.test, label: request.label }, settings, 'evaluate');
    evaluation = evaluateData(architecture, run.weights, { features, targets: targets.values });
  }
  return { parameters, plan, sizes: planSizes(plan, parameters), forecast, recipe, run, evaluation, privacy };
}

function requireBootstrapping({ set, bootstrapping }: CkksParameters): void {
  if (bootstrapping !== undefined) return;
  throw new HermeticError('PLAN_REFUSED', `the set ${set} does not bootstrap`, {
    mend: 'Plan for --set B16, or with --refresh owner.',
  });
}
