/**
 * `hermetic demo xor --scheme NAME`: exclusive or on another scheme than the default, by the same code of the network, owner
 * and trainer in one process.
 */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../protocol/node/make-folder.ts';
import { SCHEMES, type SchemeName } from '../../schemes/traits.ts';
import type { Console } from '../console.ts';
import { Story } from '../demo/story.ts';
import { errorBits, formatBytes, formatCount, formatDuration, formatPercent } from '../format.ts';
import { writeText } from '../report/files.ts';
import { figuresOf, type SchemeFigures } from './figures.ts';
import { createParty } from './parties.ts';
import type { SchemeParty } from './party.ts';
import { PUBLIC_KEYS, SEALED_MODEL, writeTeachingFiles } from './teaching-files.ts';
import { rotationsOf, type SchemeRun, type SchemeTask, trainOnScheme, xorTask } from './train.ts';

const REPORT = 'report.json';

export interface SchemeDemoOptions {
  readonly console: Console;
  readonly scheme: SchemeName;
  readonly folder: string;
  readonly threads: number | undefined;
  /** Default: those of the demonstration. */
  readonly steps?: number | undefined;
}

/** Tells the story, writes `report.json`, and, of a teaching scheme, what a trainer would hold. HermeticError as whatever fails. */
export async function runSchemeDemo(options: SchemeDemoOptions): Promise<SchemeFigures> {
  const { console, scheme, folder } = options;
  const story = new Story(console);
  const { title, warning, source } = SCHEMES[scheme];
  story.title('Hermetic', `Exclusive or on ${scheme}: ${title}`);
  if (warning !== undefined) console.warn(warning);
  const task = await xorTask(options.steps, console.io.signal);
  story.chapter('owner', 'Keys');
  const began = performance.now();
  const party = await createParty(scheme, {
    slots: task.slots,
    rotations: rotationsOf(task),
    threads: options.threads,
  });
  const keySeconds = (performance.now() - began) / 1000;
  try {
    story.tell(keyWords(party, source), keySeconds);
    await makeFolder(folder);
    // Of an earlier demonstration, maybe on another scheme.
    for (const name of [PUBLIC_KEYS, SEALED_MODEL, REPORT]) await rm(join(folder, name), { force: true });
    const run = await train(story, task, party, folder);
    const figures = figuresOf(task, party, run, keySeconds);
    await writeText(join(folder, REPORT), `${JSON.stringify(figures, null, 2)}\n`);
    conclude(story, figures, folder, party);
    if (console.json) console.result({ ...figures }, () => '');
    return figures;
  } finally {
    party.dispose();
  }
}

function keyWords(party: SchemeParty, source: string): string {
  const { security, evaluator, ciphertextBytes, ciphertextSlots, publicKeyBytes } = party;
  const keys = publicKeyBytes === 0 ? 'There are no keys.' : `Public keys: ${formatBytes(publicKeyBytes)}.`;
  const paper = source === '' ? '' : ` (${source})`;
  const [size, room] = [formatBytes(ciphertextBytes), formatCount(ciphertextSlots)];
  const ciphertext =
    evaluator.slots === ciphertextSlots
      ? `A ciphertext of ${room} slots has ${size}.`
      : `A ciphertext has ${size} and ${room} slots; the network takes ${formatCount(evaluator.slots)}.`;
  return `Security: ${security}${paper}. ${keys} ${ciphertext}`;
}

async function train(story: Story, task: SchemeTask, party: SchemeParty, folder: string): Promise<SchemeRun> {
  const { console } = story;
  const { steps } = task.recipe;
  story.chapter('trainer', `${steps} steps on ciphertexts`);
  const progress = story.progress({ unit: 'step', total: steps, every: steps });
  const { model } = task.network;
  const { files } = party;
  const run = await trainOnScheme(task, party, console.io.signal, {
    onStep: (done) => progress.update(done),
    onTrained: async (plan, weights) => {
      if (files) await writeTeachingFiles(folder, files, { model, plan, weights, demonstration: true });
    },
  }).finally(() => progress.stop());
  const total = run.stepMs.reduce((sum, ms) => sum + ms, 0);
  const levels =
    party.refresher.mode === 'none'
      ? 'The scheme divides by itself: nobody renewed anything.'
      : `${run.refreshes} blinded refreshes by the owner, one a step of ${run.levelsPerStep} levels.`;
  story.tell(`${formatDuration(total / steps)} a step. ${levels}`, total / 1000);
  return run;
}

const ROWS = ['0 0', '0 1', '1 0', '1 1'];

function conclude(story: Story, figures: SchemeFigures, folder: string, party: SchemeParty): void {
  const { bold, dim, cyan } = story.colors;
  story.chapter('owner', 'Opened');
  story.tell(figures.outputs.map((y, i) => `${ROWS[i]} → ${y.toFixed(3)}`).join('    '));
  story.line();
  story.line(dim('─'.repeat(78)));
  const rows: [string, string, string][] = [
    ['sealed', bold(formatPercent(figures.accuracy)), 'of the four rows'],
    ['in the clear', bold(formatPercent(figures.twinAccuracy)), 'the twin: same data, order and first weights'],
    ['weight error', bold(`2^-${errorBits(figures.maxWeightError).toFixed(1)}`), 'at most, to the twin'],
    ['security', bold(figures.security), figures.attack ?? ''],
    ['training', bold(formatDuration(1000 * figures.trainingSeconds)), `${figures.steps} steps`],
  ];
  for (const [name, value, more] of rows) story.row(name, value, more);
  story.line();
  if (party.files) {
    story.line(`${'files'.padEnd(13)}${cyan(join(folder, PUBLIC_KEYS))}, ${cyan(join(folder, SEALED_MODEL))}`);
    story.line(`${'now try'.padEnd(13)}${bold(`${figures.attack} ${folder}`)}`);
  } else story.line(`${'report'.padEnd(13)}${cyan(join(folder, REPORT))}`);
  story.line();
}
