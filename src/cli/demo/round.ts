/** Chapters: the owner seals or rekeys; a trainer in a process of its own trains; the owner opens what comes back. */

import { join } from 'node:path';
import type { LayerWeights, TrainingRecipe } from '../../nn/architecture.ts';
import type { Evaluation } from '../../nn/evaluation.ts';
import type { OwnerKeys } from '../../owner/owner-keys.ts';
import { open, rekey, seal } from '../../owner/seal.ts';
import type { SealedModel } from '../../protocol/sealed-model.ts';
import { formatBytes, formatCount, formatPercent, formatRate } from '../format.ts';
import { type RefreshTotals, startRefreshServer } from '../refresh-server.ts';
import type { LevelMark } from '../report/report.ts';
import { fileSize, readSealed, writeSealed } from '../sealed-files.ts';
import { writeNewToken } from '../token-file.ts';
import { evaluateOn } from './clear-twin.ts';
import type { MadeKeys } from './keys.ts';
import type { DemoNetwork } from './network.ts';
import { PART_SEED } from './specs.ts';
import { type DemoStage, threadWords, totalSteps, trainerName } from './stage.ts';
import { startTrainer } from './trainer-process.ts';

/** What a trainer gave back, and what the owner saw when the round was over. */
export interface DemoRound {
  readonly trainer: string;
  readonly folder: string;
  readonly keys: OwnerKeys;
  readonly recipe: TrainingRecipe;
  readonly rows: number;
  readonly stepMs: readonly number[];
  readonly trainingSeconds: number;
  readonly levels: readonly LevelMark[];
  readonly weights: readonly LayerWeights[];
  readonly evaluation: Evaluation;
  readonly refresh: RefreshTotals;
  readonly bytes: {
    readonly trainerKeys: number;
    /** 0 where the owner refreshes. */
    readonly bootstrappingKeys: number;
    readonly received: number;
    readonly returned: number;
  };
  /** Largest memory of the trainer's process, in bytes. */
  readonly peakBytes: number;
}

/** Where a trainer who works alone keeps its run. */
export const CHECKPOINT_FOLDER = 'run';

/** Seals the first network into the trainer's folder. */
export async function sealFor(
  stage: DemoStage,
  { model }: DemoNetwork,
  keys: OwnerKeys,
  folder: string,
): Promise<void> {
  const { timeline, story, recipe } = stage;
  await timeline.phase('owner', 'Seal', () =>
    put(folder, keys, seal(model, keys, { batch: recipe.training.batch, demonstration: true })),
  );
  const bytes = await fileSize(join(folder, 'model.sealed'));
  story.tell(`Sealed: every weight is encrypted, model.sealed has ${formatBytes(bytes)}.`, timeline.lastSeconds);
}

/** Gives the network that came back to the next trainer under another key. */
export async function rekeyFor(stage: DemoStage, from: DemoRound, keys: OwnerKeys, folder: string): Promise<void> {
  const { timeline, story, console } = stage;
  await timeline.phase('owner', 'Rekey', async () => {
    const sealed = await readSealed(console, join(from.folder, 'trained.sealed'), from.keys);
    await put(folder, keys, rekey(sealed, from.keys, keys));
  });
  const [a, b] = [from.keys.keyId, keys.keyId].map((id) => id.slice(0, 8));
  story.tell(
    `Rekeyed ${a}… → ${b}…: fresh ciphertexts that have nothing in common with the old.`,
    timeline.lastSeconds,
  );
}

async function put(folder: string, keys: OwnerKeys, model: SealedModel): Promise<void> {
  await writeSealed(join(folder, 'model.sealed'), model, keys.parameters);
}

export interface RoundTask {
  /** 0, 1. */
  readonly index: number;
  readonly folder: string;
  readonly made: MadeKeys;
  readonly network: DemoNetwork;
}

/** Training in another process, with this one answering its refreshes; then the owner opens the result. */
export async function runRound(stage: DemoStage, task: RoundTask): Promise<DemoRound> {
  const { timeline } = stage;
  const actor = trainerName(stage, task.index);
  const began = timeline.seconds;
  const { outcome, totals } =
    stage.refresh === 'owner' ? await trainServed(stage, task) : await trainAlone(stage, task);
  const loading = timeline.seconds - began - outcome.trainingSeconds;
  timeline.add(actor, 'Load keys and data, shadow run', began, loading);
  timeline.add(actor, `Train ${outcome.stepMs.length} steps`, began + loading, outcome.trainingSeconds);
  tellTraining(stage, outcome, totals, timeline.seconds - began);
  return await openRound(stage, task, outcome, totals);
}

interface Trained {
  readonly outcome: TrainerResult;
  readonly totals: RefreshTotals;
}

/** This process answers the trainer's refreshes. */
async function trainServed(stage: DemoStage, task: RoundTask): Promise<Trained> {
  const token = await writeNewToken(join(task.folder, 'token'));
  const parties = [{ name: trainerName(stage, task.index), token }];
  const server = await startRefreshServer(task.made.keys, { parties, port: 0 });
  const refresh = ['--refresh', server.url, '--token-file', 'token'];
  const given = `trainer.keys, model.sealed, a token and ${server.url}`;
  const outcome = await train(stage, task, refresh, given).finally(() => server.close());
  return { outcome, totals: server.totals() };
}

/** Nobody answers anything. */
async function trainAlone(stage: DemoStage, task: RoundTask): Promise<Trained> {
  const refresh = ['--refresh', 'bootstrap', '--checkpoint', CHECKPOINT_FOLDER];
  const outcome = await train(stage, task, refresh, 'trainer.keys, bootstrapping.keys and model.sealed');
  const { refreshes: calls, bootstrappings: ciphertexts } = outcome;
  return { outcome, totals: { calls, ciphertexts, received: 0, sent: 0, ms: 0 } };
}

async function train(
  stage: DemoStage,
  { index, folder }: RoundTask,
  refresh: readonly string[],
  given: string,
): Promise<TrainerResult> {
  const { story, spec, recipe, signal } = stage;
  const steps = totalSteps(stage) / spec.trainers;
  story.chapter(
    trainerName(stage, index),
    `Trains ${steps} steps of ${formatCount(recipe.training.batch)} without a key`,
  );
  const words = [...trainWords(stage, index, steps), ...refresh, ...threadWords(stage)];
  let onEvent: (event: Readonly<Record<string, unknown>>) => void = () => {};
  const trainer = startTrainer({ words, folder, signal, onEvent: (event) => onEvent(event) });
  story.tell(
    `process ${trainer.pid}, given only ${given}; ` +
      `${spec.trainers === 1 ? 'the training' : 'half of the training'} ${spec.rowName}s it loads itself.`,
  );
  const progress = story.progress({ unit: 'step', total: steps, every: Math.max(1, Math.ceil(steps / 5)) });
  onEvent = ({ step, level }) => progress.update(Number(step), `level ${level} · loss locked`);
  return (await trainer.result.finally(() => progress.stop())) as unknown as TrainerResult;
}

function tellTraining(stage: DemoStage, outcome: TrainerResult, totals: RefreshTotals, seconds: number): void {
  const { story, spec } = stage;
  const { recipe, trainingSeconds, stepMs } = outcome;
  const rowsPerSecond = (stepMs.length * recipe.batch) / trainingSeconds;
  const refreshes =
    stage.refresh === 'owner'
      ? `${totals.calls} blinded refreshes (${formatBytes(totals.received)} to the owner, ${formatBytes(totals.sent)} back)`
      : `${totals.calls} refreshes, ${totals.ciphertexts} bootstrappings, nothing sent`;
  story.tell(
    `${formatRate(rowsPerSecond)} ${spec.rowName}s a second, ${refreshes}, ${story.colors.bold('loss locked')}.`,
    seconds,
  );
}

/** The object that `hermetic train --json` prints. */
interface TrainerResult {
  readonly recipe: TrainingRecipe;
  readonly trainingSeconds: number;
  readonly stepMs: readonly number[];
  readonly levels: readonly { readonly phase: string; readonly level: number }[];
  readonly refreshes: number;
  readonly bootstrappings: number;
  readonly peakBytes: number;
}

function trainWords(stage: DemoStage, index: number, steps: number): string[] {
  const { spec, recipe } = stage;
  const decay = recipe.training.schedule.kind === 'linear' ? ['--decay-steps', String(totalSteps(stage))] : [];
  return [
    ...['train', 'model.sealed', '--keys', 'trainer.keys', '--data', `${spec.name}:train`],
    ...['--part', `${index + 1}/${spec.trainers}`, '--part-seed', String(PART_SEED), '--recipe', spec.recipe],
    ...['--steps', String(steps), '--first-step', String(index * steps), ...decay, '--seed', String(index + 1)],
    ...['--out', 'trained.sealed', '--force'],
  ];
}

async function openRound(
  stage: DemoStage,
  { folder, made, network, index }: RoundTask,
  outcome: TrainerResult,
  refresh: RefreshTotals,
): Promise<DemoRound> {
  const { timeline, story, console, spec } = stage;
  const { keys } = made;
  const path = join(folder, 'trained.sealed');
  story.chapter('owner', 'Opens what came back');
  const { weights, evaluation } = await timeline.phase('owner', 'Open and evaluate', async () => {
    const opened = open(await readSealed(console, path, keys), keys);
    return { weights: opened.weights, evaluation: evaluateOn(network.test, opened.architecture, opened.weights) };
  });
  const accuracy = story.colors.bold(formatPercent(evaluation.accuracy));
  story.tell(
    `${accuracy} of ${formatCount(evaluation.rows)} test ${spec.rowName}s are classified correctly.`,
    timeline.lastSeconds,
  );
  return {
    trainer: trainerName(stage, index),
    folder,
    keys,
    recipe: outcome.recipe,
    rows: Math.floor(network.split.train.labels.length / spec.trainers),
    stepMs: outcome.stepMs,
    trainingSeconds: outcome.trainingSeconds,
    levels: levelMarks(outcome.levels),
    weights,
    evaluation,
    refresh,
    bytes: {
      trainerKeys: made.trainerKeysBytes,
      bootstrappingKeys: made.bootstrappingKeysBytes,
      received: await fileSize(join(folder, 'model.sealed')),
      returned: await fileSize(path),
    },
    peakBytes: outcome.peakBytes,
  };
}

/** Without the phases that cost no level at the beginning. */
function levelMarks(phases: TrainerResult['levels']): LevelMark[] {
  return phases
    .filter(({ phase }) => phase !== 'prepare')
    .map(({ phase, level }) => ({ label: phase === 'batch' ? 'fresh' : phase, level }));
}
