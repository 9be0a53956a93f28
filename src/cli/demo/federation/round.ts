/** A round: the owner invites, a trainer in a process of its own joins, trains and hands in, the gates decide. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Examples } from '../../../data/examples.ts';
import type { TrainingRecipe } from '../../../nn/architecture.ts';
import { makeFolder } from '../../../protocol/node/make-folder.ts';
import type { ServedModel } from '../../../protocol/service/types.ts';
import { selectPart } from '../../data-source.ts';
import { formatBytes, formatCount, formatPercent, formatRate, spacedWords } from '../../format.ts';
import { examplesToCsv } from '../../service/csv-rows.ts';
import { shortId } from '../../service/service-flags.ts';
import { startTrainer } from '../trainer-process.ts';
import {
  DATA_SET,
  PART_SEED,
  RECIPE,
  REFRESHES,
  ROW_NAME,
  SABOTAGE_STEPS,
  SABOTEUR,
  TOTAL_STEPS,
  TRAINERS,
} from './spec.ts';
import type { FederationService, FederationStage } from './stage.ts';

/** What came of a round, as the owner sees it. */
export interface FederationRound {
  readonly trainer: string;
  readonly rows: number;
  readonly recipe: TrainingRecipe | undefined;
  readonly seconds: number;
  readonly trainingSeconds: number;
  readonly rowsPerSecond: number;
  readonly refreshes: number;
  readonly keyId: string;
  readonly model: ServedModel;
}

/** What `hermetic train --joined --json` printed of itself. */
interface TrainerResult {
  readonly modelId: string;
  readonly recipe: TrainingRecipe;
  readonly steps: number;
  readonly trainingSeconds: number;
  readonly rowsPerSecond: number;
}

/** Training by trainer `index` on its part of the mails. */
export async function honestRound(
  stage: FederationStage,
  service: FederationService,
  index: number,
): Promise<FederationRound> {
  const name = TRAINERS[index];
  const steps = TOTAL_STEPS / TRAINERS.length;
  const rows = selectPart(stage.split.train, { index: index + 1, parts: TRAINERS.length }, PART_SEED).labels.length;
  const folder = await admit(stage, service, name, index === 0 ? '' : ', under a key that fits no other file');
  const part = ['--part', `${index + 1}/${TRAINERS.length}`, '--part-seed', `${PART_SEED}`];
  const words = [
    ...['--data', `${DATA_SET}:train`, ...part, '--recipe', RECIPE, '--steps', `${steps}`],
    ...['--first-step', `${index * steps}`, '--decay-steps', `${TOTAL_STEPS}`, '--seed', `${index + 1}`],
  ];
  return await train(stage, service, { name, folder, words, steps, rows });
}

/** Training by someone whose labels are the wrong way round; the gates refuse what comes of it. */
export async function sabotage(stage: FederationStage, service: FederationService): Promise<FederationRound> {
  const own = selectPart(stage.split.train, { index: 1, parts: TRAINERS.length }, PART_SEED);
  const lies: Examples = { ...own, labels: own.labels.map((label) => 1 - label) };
  const folder = await admit(stage, service, SABOTEUR, ' as well');
  await writeFile(join(folder, 'lies.csv'), examplesToCsv(lies).csv);
  const words = ['--data', 'lies.csv', '--recipe', RECIPE, '--steps', `${SABOTAGE_STEPS}`];
  return await train(stage, service, {
    name: SABOTEUR,
    folder,
    words,
    steps: SABOTAGE_STEPS,
    rows: own.labels.length,
  });
}

/** Invites a party and lets a process of its own join: its folder. */
async function admit(
  stage: FederationStage,
  { client, network, url }: FederationService,
  name: string,
  how: string,
): Promise<string> {
  const { story, timeline, signal } = stage;
  story.chapter('owner', `Invites ${name}`);
  const invitation = await timeline.phase('owner', `Key and model for ${name}`, () =>
    client.invite({ name, networkId: network.id, refreshBudget: REFRESHES }, { signal }),
  );
  story.tell(
    `A key of ${name}’s own, the network sealed anew${how}, and a link that works once.`,
    timeline.lastSeconds,
  );
  const folder = join(stage.folder, name.toLowerCase());
  await makeFolder(folder);
  story.chapter(name, 'Joins');
  const process = startTrainer({ words: ['join', invitation.url, '--out', '.'], folder, signal, reports: false });
  const joined = await timeline.phase(name, 'Fetch keys and model', () => process.result);
  story.tell(
    `process ${process.pid} fetched keys and model, ${formatBytes(joined.bytes as number)}, from ${url} and checked them.`,
    timeline.lastSeconds,
  );
  return folder;
}

interface Task {
  readonly name: string;
  readonly folder: string;
  /** Data and recipe. */
  readonly words: readonly string[];
  readonly steps: number;
  readonly rows: number;
}

async function train(
  stage: FederationStage,
  service: FederationService,
  { name, folder, words, steps, rows }: Task,
): Promise<FederationRound> {
  const { story, timeline, signal, threads } = stage;
  const began = timeline.seconds;
  story.chapter(name, `Trains ${steps} steps on ${formatCount(rows)} ${ROW_NAME}s that stay with ${name}`);
  const progress = story.progress({ unit: 'step', total: steps, every: Math.ceil(steps / 3) });
  const trainer = startTrainer({
    words: [
      ...['train', '--joined', '.', ...words, '--no-shadow', '--no-submit'],
      ...(threads === undefined ? [] : ['--threads', `${threads}`]),
    ],
    folder,
    signal,
    onEvent: ({ step, level }) => progress.update(Number(step), `level ${level} · loss locked`),
  });
  const result = (await trainer.result.finally(() => progress.stop())) as unknown as TrainerResult;
  const loading = timeline.seconds - began - result.trainingSeconds;
  timeline.add(name, 'Load keys and data', began, loading);
  timeline.add(name, `Train ${steps} steps`, began + loading, result.trainingSeconds);
  story.tell(`${formatRate(result.rowsPerSecond)} ${ROW_NAME}s a second, refreshed by the owner, loss locked.`);
  const model = await handIn(stage, service, name, folder, result.modelId);
  const { parties } = await service.client.overview({ signal });
  const party = parties.find(({ id }) => id === model.partyId);
  return {
    trainer: name,
    rows,
    recipe: result.recipe,
    seconds: timeline.seconds - began,
    trainingSeconds: result.trainingSeconds,
    rowsPerSecond: result.rowsPerSecond,
    refreshes: party?.refreshes.used ?? 0,
    keyId: model.keyId,
    model,
  };
}

/** The trainer's process hands in; what the owner found out about it. */
async function handIn(
  { story, timeline, signal }: FederationStage,
  { client, network }: FederationService,
  name: string,
  folder: string,
  modelId: string,
): Promise<ServedModel> {
  const process = startTrainer({ words: ['submit', '.'], folder, signal, reports: false });
  await timeline.phase('owner', `Test what ${name} handed in`, () => process.result.catch(unlessRefused));
  const { models } = await client.lineage(network.id, { signal });
  const model = models.find(({ id }) => id === modelId);
  if (model === undefined) throw new RangeError('the service does not know the model that was handed in');
  tellVerdict(story, model, timeline.lastSeconds);
  return model;
}

/** The command ends with an error where the gates refuse: no error of the story. */
function unlessRefused(error: unknown): Readonly<Record<string, unknown>> {
  if (error instanceof Error && 'code' in error && error.code === 'POLICY_DENIED') return {};
  throw error;
}

function tellVerdict(story: FederationStage['story'], model: ServedModel, seconds: number): void {
  const { bold, green, red } = story.colors;
  const accuracy =
    model.accuracy === undefined ? '' : `: ${bold(formatPercent(model.accuracy))} of the held-out ${ROW_NAME}s`;
  story.chapter('owner', model.status === 'accepted' ? 'Opens, tests, accepts' : 'Opens, tests, refuses');
  const verdict = model.status === 'accepted' ? green('accepted') : red('refused');
  story.tell(`model ${shortId(model.id)} ${verdict}${accuracy}`, seconds);
  for (const { gate, passed, detail } of model.gates) {
    story.tell(`${passed ? green('✓') : red('✗')} ${spacedWords(gate)}: ${detail}`);
  }
}
