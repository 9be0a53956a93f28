/** `hermetic simulate`: what a sealed run would cost, before it runs, and what it would teach, in the clear. */

import { buildCommand, type Command } from '@stricli/core';
import type { TrainingRecipe } from '../../nn/architecture.ts';
import type { RefreshMode, TrainingPlan } from '../../nn/sealed/plan.ts';
import { refreshCalls } from '../../trainer/plan-fit.ts';
import type { PlanSizes } from '../../trainer/plan-sizes.ts';
import type { Colors } from '../colors.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { type DataFlags, dataFlags, type OutputFlags, outputFlags, type ThreadFlags, threadFlags } from '../flags.ts';
import type { Forecast } from '../forecast.ts';
import { formatBytes, formatCount, formatDuration, formatPercent } from '../format.ts';
import { text } from '../parsers.ts';
import type { Simulation } from '../simulation.ts';
import { type TrainingFlags, trainingFlags } from '../training-flags.ts';

interface Flags extends DataFlags, TrainingFlags, ThreadFlags, OutputFlags {
  readonly set: string;
  readonly refresh: RefreshMode;
  readonly test: string | undefined;
  readonly time: boolean;
}

export const simulate: Command<HermeticContext> = buildCommand<Flags, [string], HermeticContext>({
  docs: {
    brief: 'Plan a sealed run: levels, refreshes, sizes; and train its twin in the clear',
    fullDescription: [
      'Takes a plain or a sealed model and no key. The twin starts from the weights of a plain model, or from random',
      'ones where the model is sealed, and gets noise of the size that encryption would add.',
      '',
      '  hermetic simulate model.safetensors --data train.csv --label y --batch 256 --steps 20',
    ].join('\n'),
  },
  parameters: {
    flags: {
      ...dataFlags,
      ...trainingFlags,
      set: {
        kind: 'parsed',
        parse: text,
        brief: 'Parameter set to plan for, where the model is not sealed yet',
        placeholder: 'SET',
        default: 'L14',
      },
      refresh: {
        kind: 'enum',
        values: ['owner', 'bootstrap', 'none'],
        brief: 'How the run would go on when its levels are used up',
        default: 'owner',
      },
      test: {
        kind: 'parsed',
        parse: text,
        brief: 'Measure the twin on these data too',
        placeholder: 'FILE',
        optional: true,
      },
      time: { kind: 'boolean', brief: 'Time the operations on this machine, for the seconds of a step', default: true },
      ...threadFlags,
      ...outputFlags,
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'A plain or sealed model', parse: text, placeholder: 'MODEL' }],
    },
  },
  func: runSimulate,
});

async function runSimulate(this: HermeticContext, flags: Flags, path: string): Promise<void> {
  const console = new Console(this.io, flags);
  const { simulateRun } = await import('../simulation.ts');
  const simulation = await simulateRun(console, path, flags);
  const { parameters, plan, sizes, forecast, recipe, run, evaluation } = simulation;
  const { set, securityBits, logQP } = parameters;
  const { loss, accuracy } = run.curves;
  console.result(
    {
      set,
      securityBits,
      logQP,
      plan: planJson(plan, sizes),
      ...(forecast && { forecast: { ...forecast, seconds: forecast.secondsPerStep * recipe.steps } }),
      recipe,
      ...(simulation.privacy && { privacy: simulation.privacy }),
      twin: { loss, accuracy, ...(evaluation && { test: evaluation }) },
    },
    (colors) => describe(colors, simulation),
  );
}

function planJson(plan: TrainingPlan, sizes: PlanSizes): Record<string, unknown> {
  const { batch, pitch, chunk, chunks, groups, levelsPerStep, freshLevel, stepsPerRefresh } = plan;
  const { maxLevel, levelsPerPrediction, ciphertexts, refreshMode, stepCost } = plan;
  return {
    refresh: refreshMode,
    packing: { batch, pitch, chunk, chunks, groups },
    levels: { max: maxLevel, perStep: levelsPerStep, fresh: freshLevel, perPrediction: levelsPerPrediction },
    stepsPerRefresh,
    refreshes: refreshCalls(plan),
    ciphertexts,
    operations: stepCost.operations,
    bytes: sizes,
  };
}

function describe({ bold, dim }: Colors, simulation: Simulation): string {
  const { plan, sizes, forecast, recipe, run, evaluation } = simulation;
  const accuracy = evaluation?.accuracy ?? run.curves.accuracy.at(-1) ?? Number.NaN;
  const measuredOn = evaluation === undefined ? 'on the last batch' : 'on the test data';
  const { weights, velocities } = plan.ciphertexts;
  const rows: [string, string][] = [
    ['levels', `${plan.levelsPerStep} a step of ${plan.maxLevel}; ${plan.levelsPerPrediction} a prediction`],
    ['ciphertexts', `${weights} of weights, ${velocities} of momentum`],
    [
      'packing',
      `${plan.chunks} chunk${plan.chunks === 1 ? '' : 's'} of ${formatCount(plan.chunk)} features at pitch ${formatCount(plan.pitch)}`,
    ],
    ['refresh', refreshRow(plan, sizes, recipe)],
    [
      'sizes',
      `model ${formatBytes(sizes.sealedModel)}, trainer keys ${formatBytes(sizes.trainerKeys)}, ` +
        (sizes.bootstrappingKeys > 0 ? `bootstrapping keys ${formatBytes(sizes.bootstrappingKeys)}, ` : '') +
        `memory ${formatBytes(sizes.memory)} beside the program itself (about ${formatBytes(PROGRAM_BYTES)})`,
    ],
    ...timeRow(forecast, recipe, plan),
    ['learning rate', `${recipe.learningRate}, ${recipe.schedule.kind}`],
    ['loss', `${(run.curves.loss[0] ?? Number.NaN).toFixed(4)} → ${(run.curves.loss.at(-1) ?? Number.NaN).toFixed(4)}`],
    ['accuracy', `${bold(formatPercent(accuracy))} ${dim(measuredOn)}`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}

/** Node, this code and its buffers: the peak of `hermetic train --json` less what the plan counts. */
const PROGRAM_BYTES = 190e6;

function refreshRow(plan: TrainingPlan, sizes: PlanSizes, { steps }: TrainingRecipe): string {
  const { refreshMode, refreshPacking, ciphertexts } = plan;
  if (refreshMode === 'none') return 'none: the levels are the budget';
  const calls = `${refreshCalls(plan)} in ${steps} step${steps === 1 ? '' : 's'}, the last at the end`;
  if (refreshPacking) {
    return `${calls}; ${refreshPacking.groups.length} bootstrappings for ${ciphertexts.refreshed} ciphertexts each`;
  }
  const [up, down] = [sizes.refreshUp, sizes.refreshDown].map(formatBytes);
  return `${calls}; ${ciphertexts.refreshed} ciphertexts each, ${up} up and ${down} down`;
}

function timeRow(
  forecast: Forecast | undefined,
  { steps, batch }: TrainingRecipe,
  { refreshMode }: TrainingPlan,
): [string, string][] {
  if (forecast === undefined) return [];
  const { secondsPerStep } = forecast;
  const transport = refreshMode === 'owner' ? ', without the way to the owner and back' : '';
  const pace = `${formatDuration(1000 * secondsPerStep)} a step, ${formatDuration(1000 * secondsPerStep * steps)} in all`;
  return [['time', `about ${pace}; ${formatCount(batch / secondsPerStep)} rows/s on this machine${transport}`]];
}
