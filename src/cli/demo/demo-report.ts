/** What was seen in a demonstration, as the report's data. */

import { learningRateAt } from '../../nn/schedules.ts';
import { parameterCount } from '../../nn/weights.ts';
import { errorBits } from '../format.ts';
import { shapeOf } from '../plan-report.ts';
import {
  type Curves,
  type DemoReport,
  type Exposure,
  REPORT_SCHEMA,
  type Size,
  type UnlockedPrediction,
  type WireItem,
} from '../report/report.ts';
import { packageVersion } from '../version.ts';
import { describeMachine } from './machine.ts';
import type { DemoNetwork } from './network.ts';
import type { DemoRound } from './round.ts';
import type { DemoStage } from './stage.ts';
import type { TwinChapter } from './twin-chapter.ts';

export interface DemoRecord {
  readonly network: DemoNetwork;
  readonly rounds: readonly DemoRound[];
  readonly twin: TwinChapter;
  readonly predictions: readonly UnlockedPrediction[];
  readonly predictionBytes: number;
  readonly wallSeconds: number;
}

export function buildReport(stage: DemoStage, record: DemoRecord): DemoReport {
  const { spec, timeline } = stage;
  const { rounds, twin, predictions } = record;
  return {
    schema: REPORT_SCHEMA,
    demo: spec.name,
    title: spec.title,
    createdAt: new Date().toISOString(),
    version: packageVersion(),
    command: commandOf(stage),
    rowName: spec.rowName,
    ...headline(record),
    ...setting(stage, record),
    refresh: refreshReport(stage, rounds),
    rounds: rounds.map((round, i) => ({
      trainer: round.trainer,
      rows: round.rows,
      steps: round.recipe.steps,
      seconds: round.trainingSeconds,
      stepMs: round.stepMs,
      sealedTestAccuracy: round.evaluation.accuracy,
      clearTestAccuracy: twin.evaluations[i].accuracy,
    })),
    curves: curvesOf(rounds, twin),
    phases: timeline.phases,
    levels: rounds[0].levels,
    sizes: sizesOf(record),
    wire: wireOf(stage, record),
    exposure: exposureOf(stage, rounds.length),
    predictions,
    notes: notesOf(stage, rounds),
  };
}

function commandOf({ spec, refresh }: DemoStage): string {
  if (refresh === 'bootstrap') return `npx hermetic demo ${spec.name} --refresh bootstrap`;
  return spec.name === 'imdb' ? 'npm start' : `npx hermetic demo ${spec.name}`;
}

function total(rounds: readonly DemoRound[], value: (round: DemoRound) => number): number {
  return rounds.reduce((sum, round) => sum + value(round), 0);
}

type Headline =
  | 'sealedTestAccuracy'
  | 'clearTestAccuracy'
  | 'testRows'
  | 'reviewsPerSecond'
  | 'rowsTrained'
  | 'trainingSeconds'
  | 'wallSeconds'
  | 'securityBits'
  | 'logQP'
  | 'weightErrorBits'
  | 'maxWeightError';

function headline({ rounds, twin, wallSeconds }: DemoRecord): Pick<DemoReport, Headline> {
  const last = rounds[rounds.length - 1];
  const { securityBits, logQP } = last.keys.parameters.description;
  const rowsTrained = total(rounds, ({ recipe }) => recipe.steps * recipe.batch);
  const trainingSeconds = total(rounds, (round) => round.trainingSeconds);
  return {
    sealedTestAccuracy: last.evaluation.accuracy,
    clearTestAccuracy: twin.evaluations[twin.evaluations.length - 1].accuracy,
    testRows: last.evaluation.rows,
    reviewsPerSecond: total(rounds, ({ recipe, stepMs }) => stepMs.length * recipe.batch) / trainingSeconds,
    rowsTrained,
    trainingSeconds,
    wallSeconds,
    securityBits,
    logQP: hundredths(logQP),
    weightErrorBits: errorBits(twin.maxWeightError),
    maxWeightError: twin.maxWeightError,
  };
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}

function setting(
  stage: DemoStage,
  { network, rounds }: DemoRecord,
): Pick<DemoReport, 'machine' | 'parameters' | 'network' | 'recipe'> {
  const { architecture } = network.model;
  const { description, limbsAtLevel } = rounds[0].keys.parameters;
  const { set, N, logQP, securityBits } = description;
  const levels = limbsAtLevel.length - 1;
  return {
    machine: describeMachine(stage.threads),
    parameters: { set, N, slots: N / 2, levels, logQP: hundredths(logQP), securityBits },
    network: {
      shape: shapeOf(architecture),
      parameters: parameterCount(architecture),
      layers: architecture.layers.map(({ inputs, units, activation }) => ({
        inputs,
        units,
        activation: activation.name,
      })),
    },
    recipe: recipeReport(stage, rounds),
  };
}

function refreshReport({ refresh }: DemoStage, rounds: readonly DemoRound[]): DemoReport['refresh'] {
  return {
    mode: refresh,
    calls: total(rounds, ({ refresh }) => refresh.calls),
    ciphertexts: total(rounds, ({ refresh }) => refresh.ciphertexts),
    bytesToOwner: total(rounds, ({ refresh }) => refresh.received),
    bytesToTrainer: total(rounds, ({ refresh }) => refresh.sent),
    ownerSeconds: total(rounds, ({ refresh }) => refresh.ms) / 1000,
  };
}

function recipeReport({ spec }: DemoStage, rounds: readonly DemoRound[]): DemoReport['recipe'] {
  const { recipe } = rounds[0];
  const steps = total(rounds, (round) => round.recipe.steps);
  const end = rounds[rounds.length - 1].recipe;
  const falling = learningRateAt(end, end.steps) === 0;
  const anew = rounds.length > 1 ? '; momentum begins anew with each trainer' : '';
  return {
    batch: recipe.batch,
    steps,
    learningRate: recipe.learningRate,
    momentum: recipe.momentum,
    nesterov: recipe.nesterov,
    schedule: falling ? `falling linearly to zero over ${steps} steps${anew}` : `constant${anew}`,
    features: spec.features,
  };
}

/** The twin all along; the sealed network only at the beginning and where a round was over. */
function curvesOf(rounds: readonly DemoRound[], twin: TwinChapter): Curves {
  const ends = rounds.map((_, i) => rounds.slice(0, i + 1).reduce((sum, { recipe }) => sum + recipe.steps, 0));
  return {
    clear: { testAccuracy: twin.testAccuracy, testLoss: twin.testLoss, trainingLoss: twin.trainingLoss },
    sealed: {
      testAccuracy: [
        twin.testAccuracy[0],
        ...rounds.map(({ evaluation }, i) => ({ step: ends[i], value: evaluation.accuracy })),
      ],
      testLoss: [twin.testLoss[0], ...rounds.map(({ evaluation }, i) => ({ step: ends[i], value: evaluation.loss }))],
    },
  };
}

function sizesOf({ rounds, network, predictionBytes, predictions }: DemoRecord): Size[] {
  const [first] = rounds;
  const weights = 8 * parameterCount(network.model.architecture);
  return [
    { name: 'Trainer keys', holder: rounds.length > 1 ? 'each trainer' : 'trainer', bytes: first.bytes.trainerKeys },
    ...(first.bytes.bootstrappingKeys > 0
      ? [{ name: 'Bootstrapping keys', holder: 'trainer', bytes: first.bytes.bootstrappingKeys }]
      : []),
    { name: 'Memory at the worst moment', holder: 'trainer', bytes: first.peakBytes },
    { name: 'Sealed network, fresh', holder: 'trainer', bytes: first.bytes.received },
    { name: 'Sealed network, trained', holder: 'owner', bytes: first.bytes.returned },
    { name: 'The same weights in the clear', holder: 'owner', bytes: weights },
    ...(predictions.length > 0
      ? [{ name: `${predictions.length} sealed predictions`, holder: 'owner', bytes: predictionBytes }]
      : []),
  ];
}

function wireOf({ refresh: mode }: DemoStage, { rounds, predictions, predictionBytes }: DemoRecord): WireItem[] {
  const down = { from: 'owner', to: 'trainer', count: rounds.length };
  const up = { from: 'trainer', to: 'owner', count: rounds.length };
  const calls = total(rounds, ({ refresh }) => refresh.calls);
  return [
    { ...down, what: 'Trainer keys', bytes: total(rounds, ({ bytes }) => bytes.trainerKeys) },
    ...(mode === 'bootstrap'
      ? [{ ...down, what: 'Bootstrapping keys', bytes: total(rounds, ({ bytes }) => bytes.bootstrappingKeys) }]
      : []),
    { ...down, what: 'Sealed network', bytes: total(rounds, ({ bytes }) => bytes.received) },
    ...(mode === 'owner'
      ? [
          { ...up, what: 'Masked ciphertexts', count: calls, bytes: total(rounds, ({ refresh }) => refresh.received) },
          { ...down, what: 'Fresh ciphertexts', count: calls, bytes: total(rounds, ({ refresh }) => refresh.sent) },
        ]
      : []),
    { ...up, what: 'Trained network', bytes: total(rounds, ({ bytes }) => bytes.returned) },
    ...(predictions.length > 0 ? [{ ...up, what: 'Sealed predictions', count: 1, bytes: predictionBytes }] : []),
  ];
}

function exposureOf({ spec: { rowName }, refresh }: DemoStage, trainers: number): Exposure[] {
  const between = refresh === 'owner' ? 'never: masked' : 'never: nothing is sent';
  const share = trainers > 1 ? 'reads its own part' : 'reads them';
  return [
    { what: 'Weights when a round is over', owner: 'reads them', trainer: 'never: ciphertexts' },
    { what: 'Weights after each batch', owner: between, trainer: 'never: ciphertexts' },
    { what: `Training ${rowName}s and labels`, owner: 'not needed: they stay with the trainer', trainer: share },
    { what: 'Loss while training', owner: 'when a round is over', trainer: 'never: locked' },
    { what: 'Predictions', owner: 'releases a class each', trainer: 'never: ciphertexts' },
    { what: 'Shape, recipe, feature settings', owner: 'reads them', trainer: 'reads them' },
  ];
}

function notesOf({ spec: { rowName }, refresh }: DemoStage, rounds: readonly DemoRound[]): string[] {
  const each = rounds.length > 1 ? 'Each trainer was' : 'The trainer was';
  const given =
    refresh === 'owner'
      ? 'trainer.keys, the sealed network, a token and an address on this machine'
      : 'trainer.keys, bootstrapping.keys and the sealed network, and no address';
  const resumed = rounds.some(({ recipe, stepMs }) => stepMs.length < recipe.steps);
  return [
    `${each} a process of its own, given ${given}.`,
    ...(resumed ? ['The run was interrupted and taken up again; speed and times are those of its last part.'] : []),
    'The clear twin has the same recipe, order of rows, first weights and precision of features; it ran in the owner’s process when all else was done.',
    `Features were fitted once, without labels, on ${rowName}s that count as public here.`,
    'The first weights come from a fixed, public seed so that the figures repeat, and so they are no secret: those of a network of your own are drawn from the system’s generator.',
    'Times are wall time. Speed counts training steps with their refreshes, not keys, files and evaluation.',
  ];
}
