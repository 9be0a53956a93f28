/** `hermetic compare`: the same network, the same code and the same data on every scheme, in one table. */

import { SCHEME_NAMES, SCHEMES, type SchemeName } from '../../schemes/traits.ts';
import type { Console } from '../console.ts';
import { Story } from '../demo/story.ts';
import { formatCount, formatPercent } from '../format.ts';
import { figuresOf, type SchemeFigures, tableHead, tableRow } from './figures.ts';
import { createParty } from './parties.ts';
import { rotationsOf, type SchemeTask, trainOnScheme, xorTask } from './train.ts';

export interface CompareOptions {
  readonly console: Console;
  readonly schemes?: readonly SchemeName[];
  /** Default: those of the demonstration. */
  readonly steps?: number | undefined;
  readonly threads?: number | undefined;
}

/** HermeticError as whatever fails. */
export async function compareSchemes(options: CompareOptions): Promise<SchemeFigures[]> {
  const { console, schemes = SCHEME_NAMES } = options;
  const { signal } = console.io;
  const story = new Story(console);
  const { bold, dim } = story.colors;
  const task = await xorTask(options.steps, signal);
  story.title('Hermetic', `Exclusive or, 3-4-1, ${task.recipe.steps} steps of four rows, on every scheme`);
  story.line();
  story.line(bold(tableHead()));
  const rows: SchemeFigures[] = [];
  for (const scheme of new Set(schemes)) {
    const figures = await runOne(task, scheme, options);
    rows.push(figures);
    story.line(tableRow(figures));
  }
  story.line();
  story.line(dim('The column “error” is the largest distance of a weight from the twin’s, which'));
  story.line(
    dim(`was trained in the clear to ${formatPercent(task.twin.accuracy)}. Slots of a ciphertext, and what opens it:`),
  );
  for (const { scheme, slots, ciphertextSlots } of rows) {
    story.row(scheme, `${formatCount(ciphertextSlots)} ${slots}`, openedBy(scheme));
  }
  story.line();
  if (console.json) console.result({ task: 'xor', twinAccuracy: task.twin.accuracy, schemes: rows }, () => '');
  return rows;
}

async function runOne(
  task: SchemeTask,
  scheme: SchemeName,
  { console, threads }: CompareOptions,
): Promise<SchemeFigures> {
  const { warning } = SCHEMES[scheme];
  if (warning !== undefined) console.warn(warning);
  const began = performance.now();
  const party = await createParty(scheme, { slots: task.slots, rotations: rotationsOf(task), threads });
  const keySeconds = (performance.now() - began) / 1000;
  const progress = console.progress({
    unit: 'step',
    total: task.recipe.steps,
    title: scheme.padEnd(7),
    every: task.recipe.steps,
  });
  try {
    const run = await trainOnScheme(task, party, console.io.signal, { onStep: (done) => progress.update(done) });
    return figuresOf(task, party, run, keySeconds);
  } finally {
    progress.stop();
    party.dispose();
  }
}

function openedBy(scheme: SchemeName): string {
  const { attack, warning, security } = SCHEMES[scheme];
  if (security === 'none') return 'nothing is hidden';
  if (attack === undefined) return 'no attack that is known, at these parameters';
  return warning === undefined ? `withstands ${attack}` : `opened by ${attack}`;
}
