/**
 * A demonstration from the owner's side: keys → network → seal → one or two trainers in processes of their own, with
 * blinded refreshes over loopback HTTP, or alone → open → sealed predictions → the same in the clear → report. This
 * process holds the keys. It reads the data only for what is public here: the words of the vocabulary, the test set, and, when all
 * is over, the twin.
 */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { recipe } from '../../nn/recipes.ts';
import type { OwnerKeys } from '../../owner/owner-keys.ts';
import { makeFolder } from '../../protocol/node/make-folder.ts';
import { errorBits, formatCount, formatDuration, formatPercent, formatRate } from '../format.ts';
import { writeReport } from '../report/files.ts';
import type { DemoReport } from '../report/report.ts';
import { buildReport, type DemoRecord } from './demo-report.ts';
import { makeKeys } from './keys.ts';
import { prepareNetwork } from './network.ts';
import { predictSealedRows, withClearAnswers } from './predictions.ts';
import { forgetResuming, keepForResuming } from './resume.ts';
import { CHECKPOINT_FOLDER, rekeyFor, runRound, sealFor } from './round.ts';
import { type DemoName, demoSpec } from './specs.ts';
import type { DemoOptions, DemoStage } from './stage.ts';
import { Story } from './story.ts';
import { Timeline } from './timeline.ts';
import { runTwin } from './twin-chapter.ts';

/** Tells the story, writes the report and returns it. HermeticError as whatever fails. */
export async function runDemo(name: DemoName, options: DemoOptions): Promise<DemoReport> {
  const { console, folder } = options;
  const spec = demoSpec(name, options.refresh);
  const story = new Story(console);
  const timeline = new Timeline();
  const stage: DemoStage = {
    ...options,
    spec,
    recipe: recipe(spec.recipe),
    story,
    timeline,
    signal: console.io.signal,
  };
  story.title('Hermetic', spec.title);
  await makeFolder(folder);
  const record = await perform(stage);
  const report = buildReport(stage, record);
  const files = await writeReport(folder, report);
  conclude(story, report, files.html);
  if (console.json) console.result({ ...report }, () => '');
  return report;
}

async function perform(stage: DemoStage): Promise<DemoRecord> {
  const { story, timeline, spec } = stage;
  const folders = Array.from({ length: spec.trainers }, (_, index) =>
    join(stage.folder, spec.trainers === 1 ? 'trainer' : `trainer-${'ab'[index]}`),
  );
  const held: OwnerKeys[] = [];
  try {
    story.chapter('owner', 'Keys');
    const first = await makeKeys(stage, folders[0]);
    held.push(first.keys);
    const network = await prepareNetwork(stage);
    if (!first.resumed) await sealFor(stage, network, first.keys, folders[0]);
    if (stage.refresh === 'bootstrap' && !first.resumed) await keepForResuming(stage, first.keys);
    const rounds = [await runRound(stage, { index: 0, folder: folders[0], made: first, network })];
    if (spec.trainers === 2) {
      story.chapter('owner', 'Another key pair, so that B cannot tell it is A’s network');
      const second = await makeKeys(stage, folders[1]);
      held.push(second.keys);
      await rekeyFor(stage, rounds[0], second.keys, folders[1]);
      held.shift()?.dispose();
      rounds.push(await runRound(stage, { index: 1, folder: folders[1], made: second, network }));
    }
    const answers = await predictSealedRows(stage, rounds[rounds.length - 1], network);
    const twin = await runTwin(stage, network, rounds);
    const predictions = withClearAnswers(stage, network, twin, answers);
    await clearAway(stage, folders);
    return { network, rounds, twin, predictions, predictionBytes: answers.bytes, wallSeconds: timeline.seconds };
  } catch (error) {
    // What a trainer can go on from alone is kept.
    if (stage.refresh === 'owner') await clearAway(stage, folders);
    throw error;
  } finally {
    for (const keys of held) keys.dispose();
  }
}

/** Large, and of no use without the secret keys, which end here. */
async function clearAway(stage: DemoStage, folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    for (const name of ['trainer.keys', 'bootstrapping.keys', CHECKPOINT_FOLDER]) {
      await rm(join(folder, name), { force: true, recursive: true });
    }
  }
  await forgetResuming(stage);
}

function conclude(story: Story, report: DemoReport, path: string): void {
  const { bold, dim, cyan } = story.colors;
  const { sealedTestAccuracy: sealed, clearTestAccuracy: clear, testRows, rowName, machine } = report;
  const bits = errorBits(report.maxWeightError);
  const rows: [string, string, string][] = [
    ['sealed', bold(formatPercent(sealed)), `of ${formatCount(testRows)} test ${rowName}s`],
    ['in the clear', bold(formatPercent(clear)), `${formatPoints(sealed - clear)} apart`],
    [
      'speed',
      bold(`${formatRate(report.reviewsPerSecond)} ${rowName}s/s`),
      `on ${machine.cores} cores, refreshes included`,
    ],
    ['security', bold(`${report.securityBits} bits`), `log QP = ${formatCount(report.logQP)}`],
    ['weight error', bold(Number.isFinite(bits) ? `2^-${bits.toFixed(1)}` : 'none'), 'at most, to the twin'],
    ['in all', bold(formatDuration(1000 * report.wallSeconds)), 'from fresh keys to this line'],
  ];
  story.line();
  story.line(dim('─'.repeat(78)));
  for (const [name, value, more] of rows) story.row(name, value, more);
  story.line();
  story.line(`${'report'.padEnd(13)}${cyan(path)}`);
  story.line();
}

function formatPoints(difference: number): string {
  return `${Math.abs(100 * difference).toFixed(2)} points`;
}
