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
  const { spec, timeline, threads } = stage;
  const { network, rounds, twin, predictions, wallSeconds } = record;
  const last = rounds[rounds.length - 1];
  const { description, limbsAtLevel } = last.keys.parameters;
  const sum = (value: (round: DemoRound) => number): number => rounds.reduce((total, round) => total + value(round), 0);
  const rowsTrained = sum(({ recipe }) => recipe.steps * recipe.batch);
  const trainingSeconds = sum((round) => round.trainingSeconds);
  const { architecture } = network.model;
  return {
    schema: REPORT_SCHEMA,
    demo: spec.name,
    title: spec.title,
    createdAt: new Date().toISOString(),
    version: packageVersion(),
    command: spec.name === 'imdb' ? 'npm start' : `npx hermetic demo ${spec.name}`,
    sealedTestAccuracy: last.evaluation.accuracy,
    clearTestAccuracy: twin.evaluations[twin.evaluations.length - 1].accuracy,
    testRows: last.evaluation.rows,
    reviewsPerSecond: rowsTrained / trainingSeconds,
    rowsTrained,
    trainingSeconds,
    wallSeconds,
    securityBits: description.securityBits,
    logQP: Math.round(description.logQP * 100) / 100,
    weightErrorBits: errorBits(twin.maxWeightError),
    maxWeightError: twin.maxWeightError,
    rowName: spec.rowName,
    machine: describeMachine(threads),
    parameters: {
      set: description.set,
      N: description.N,
      slots: description.N / 2,
      levels: limbsAtLevel.length - 1,
      logQP: Math.round(description.logQP * 100) / 100,
      securityBits: description.securityBits,
    },
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
    refresh: {
      mode: 'owner',
      calls: sum(({ refresh }) => refresh.calls),
      ciphertexts: sum(({ refresh }) => refresh.ciphertexts),
      bytesToOwner: sum(({ refresh }) => refresh.received),
      bytesToTrainer: sum(({ refresh }) => refresh.sent),
      ownerSeconds: sum(({ refresh }) => refresh.ms) / 1000,
    },
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
    wire: wireOf(record),
    exposure: exposureOf(spec.rowName, rounds.length),
    predictions,
    notes: notesOf(spec.rowName, rounds.length),
  };
}

function recipeReport({ spec }: DemoStage, rounds: readonly DemoRound[]): DemoReport['recipe'] {
  const { recipe } = rounds[0];
  const steps = rounds.reduce((sum, round) => sum + round.recipe.steps, 0);
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
    { name: 'Sealed network, fresh', holder: 'trainer', bytes: first.bytes.received },
    { name: 'Sealed network, trained', holder: 'owner', bytes: first.bytes.returned },
    { name: 'The same weights in the clear', holder: 'owner', bytes: weights },
    ...(predictions.length > 0
      ? [{ name: `${predictions.length} sealed predictions`, holder: 'owner', bytes: predictionBytes }]
      : []),
  ];
}

function wireOf({ rounds, predictions, predictionBytes }: DemoRecord): WireItem[] {
  const total = (value: (round: DemoRound) => number): number => rounds.reduce((sum, round) => sum + value(round), 0);
  const down = { from: 'owner', to: 'trainer', count: rounds.length };
  const up = { from: 'trainer', to: 'owner', count: rounds.length };
  const calls = total(({ refresh }) => refresh.calls);
  return [
    { ...down, what: 'Trainer keys', bytes: total(({ bytes }) => bytes.trainerKeys) },
    { ...down, what: 'Sealed network', bytes: total(({ bytes }) => bytes.received) },
    { ...up, what: 'Masked ciphertexts', count: calls, bytes: total(({ refresh }) => refresh.received) },
    { ...down, what: 'Fresh ciphertexts', count: calls, bytes: total(({ refresh }) => refresh.sent) },
    { ...up, what: 'Trained network', bytes: total(({ bytes }) => bytes.returned) },
    ...(predictions.length > 0 ? [{ ...up, what: 'Sealed predictions', count: 1, bytes: predictionBytes }] : []),
  ];
}

function exposureOf(rowName: string, trainers: number): Exposure[] {
  const share = trainers > 1 ? 'reads its own part' : 'reads them';
  return [
    { what: 'Weights when a round is over', owner: 'reads them', trainer: 'never: ciphertexts' },
    { what: 'Weights after each batch', owner: 'never: masked', trainer: 'never: ciphertexts' },
    { what: `Training ${rowName}s and labels`, owner: 'not needed: they stay with the trainer', trainer: share },
    { what: 'Loss while training', owner: 'when a round is over', trainer: 'never: locked' },
    { what: 'Predictions', owner: 'releases a class each', trainer: 'never: ciphertexts' },
    { what: 'Shape, recipe, feature settings', owner: 'reads them', trainer: 'reads them' },
  ];
}

function notesOf(rowName: string, trainers: number): string[] {
  const each = trainers > 1 ? 'Each trainer was' : 'The trainer was';
  return [
    `${each} a process of its own, given trainer.keys, the sealed network, a token and an address on this machine.`,
    'The clear twin has the same recipe, order of rows, first weights and precision of features; it ran in the owner’s process when all else was done.',
    `Features were fitted once, without labels, on ${rowName}s that count as public here.`,
    'The first weights come from a fixed seed so that the figures repeat; a real owner leaves --seed out.',
    'Times are wall time. Speed counts training steps with their refreshes, not keys, files and evaluation.',
  ];
}
