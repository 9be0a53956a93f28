/** Chapter: sealed predictions by the last trainer, unlocked by the owner one at a time. */

import { join } from 'node:path';
import { selectRows } from '../../data/dataset.ts';
import { selectExamples } from '../../data/examples.ts';
import { predictFeatures } from '../../nn/evaluation.ts';
import { classes } from '../../nn/metrics.ts';
import { unlockPredictions } from '../../owner/unlock.ts';
import { UnlockLedger } from '../../owner/unlock-ledger.ts';
import { formatBytes, formatCount } from '../format.ts';
import type { UnlockedPrediction } from '../report/report.ts';
import { fileSize, readPredictions } from '../sealed-files.ts';
import type { DemoNetwork } from './network.ts';
import type { DemoRound } from './round.ts';
import { type DemoStage, threadWords } from './stage.ts';
import { startTrainer } from './trainer-process.ts';
import type { TwinChapter } from './twin-chapter.ts';

export interface SealedAnswers {
  readonly bytes: number;
  readonly predictions: readonly UnlockedPrediction[];
}

const EXCERPT = 160;

/** Nothing where the demonstration predicts nothing. */
export async function predictSealedRows(
  stage: DemoStage,
  round: DemoRound,
  network: DemoNetwork,
): Promise<SealedAnswers> {
  const { spec, story, timeline, signal } = stage;
  if (spec.predictions.length === 0) return { bytes: 0, predictions: [] };
  story.chapter(round.trainer, `Predicts ${spec.predictions.length} test ${spec.rowName}s, sealed`);
  await timeline.phase(round.trainer, 'Predict, sealed', () => {
    const words = ['predict', 'trained.sealed', '--keys', 'trainer.keys', '--data', `${spec.name}:test`];
    const rows = ['--rows', spec.predictions.join(','), '--out', 'predictions.sealed', '--force'];
    return startTrainer({ words: [...words, ...rows, ...threadWords(stage)], folder: round.folder, signal }).result;
  });
  const path = join(round.folder, 'predictions.sealed');
  const bytes = await fileSize(path);
  story.tell(`predictions.sealed has ${formatBytes(bytes)}; the trainer cannot read it.`, timeline.lastSeconds);
  story.chapter('owner', 'Unlocks them, one class at a time');
  const predictions = await timeline.phase('owner', 'Unlock', () => unlockEach(stage, round, network, path));
  return { bytes, predictions };
}

async function unlockEach(
  { spec, story, console }: DemoStage,
  { keys }: DemoRound,
  { split }: DemoNetwork,
  path: string,
): Promise<UnlockedPrediction[]> {
  const sealed = await readPredictions(console, path, keys);
  const chosen = selectExamples(split.test, spec.predictions);
  const name = (label: number): string => chosen.classes[label] ?? String(label);
  const ledger = new UnlockLedger();
  const predictions: UnlockedPrediction[] = [];
  for (const row of spec.predictions.keys()) {
    const [{ label }] = await unlockPredictions(sealed, keys, { ledger, rows: [row] });
    const text = describeRow(chosen.inputs, row);
    const truth = name(chosen.labels[row]);
    const right = name(label) === truth;
    const { bold, dim, green, red } = story.colors;
    const mark = right ? green('✓') : red('✗');
    story.tell(`${mark} ${bold(name(label))}  ${dim(`“${shorten(text, 44)}”`)}`);
    predictions.push({ text: shorten(text, EXCERPT), truth, sealed: name(label), clear: '' });
  }
  const { used, limit } = await ledger.account(keys);
  story.tell(`That was ${used} of the ${formatCount(limit)} bits that this key may answer.`);
  return predictions;
}

/** What the clear twin says about the same rows. */
export function withClearAnswers(
  { spec }: DemoStage,
  { test, model, split }: DemoNetwork,
  twin: TwinChapter,
  answers: SealedAnswers,
): UnlockedPrediction[] {
  const { features, targets } = selectRows(test, spec.predictions);
  const values = predictFeatures(model.architecture, twin.weights[twin.weights.length - 1], features);
  const labels = classes(values, targets.columns);
  return answers.predictions.map((answer, row) => ({ ...answer, clear: split.test.classes[labels[row]] ?? '' }));
}

type Inputs = ReturnType<typeof selectExamples>['inputs'];

function describeRow(inputs: Inputs, row: number): string {
  if (inputs.kind === 'text') return inputs.documents[row].replace(/<br \/>/g, ' ').replace(/\s+/g, ' ');
  if (inputs.kind === 'image') return `image ${row}`;
  const width = inputs.columns.length;
  const cells = inputs.columns.map((name, i) => `${name} = ${inputs.values[row * width + i]}`);
  return cells.slice(0, 2).join(', ');
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).trimEnd()}…`;
}
