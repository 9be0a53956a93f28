/** What a run on a scheme came to, as data and as a row of the comparison. */

import { SCHEMES, type SchemeName } from '../../schemes/traits.ts';
import { errorBits, formatBytes, formatDuration, formatPercent } from '../format.ts';
import type { SchemeParty } from './party.ts';
import type { SchemeRun, SchemeTask } from './train.ts';

export interface SchemeFigures {
  readonly scheme: SchemeName;
  readonly title: string;
  readonly security: string;
  readonly arithmetic: 'exact' | 'approximate';
  readonly steps: number;
  readonly secondsPerStep: number;
  readonly trainingSeconds: number;
  readonly keySeconds: number;
  readonly refreshes: number;
  readonly levelsPerStep: number;
  readonly ciphertexts: number;
  readonly ciphertextBytes: number;
  /** That a ciphertext has room for: complex ones where the scheme has them. */
  readonly ciphertextSlots: number;
  readonly slots: 'complex' | 'real';
  readonly publicKeyBytes: number;
  readonly accuracy: number;
  readonly twinAccuracy: number;
  readonly maxWeightError: number;
  /** ŷ for the rows 00, 01, 10, 11. */
  readonly outputs: readonly number[];
  readonly attack: string | undefined;
}

export function figuresOf(task: SchemeTask, party: SchemeParty, run: SchemeRun, keySeconds: number): SchemeFigures {
  const { title, attack } = SCHEMES[party.scheme];
  const { arithmetic, slots } = party.capabilities;
  const trainingSeconds = run.stepMs.reduce((sum, ms) => sum + ms, 0) / 1000;
  return {
    scheme: party.scheme,
    title,
    security: party.security,
    arithmetic,
    steps: run.steps,
    secondsPerStep: trainingSeconds / run.steps,
    trainingSeconds,
    keySeconds,
    refreshes: run.refreshes,
    levelsPerStep: run.levelsPerStep,
    ciphertexts: run.ciphertexts,
    ciphertextBytes: party.ciphertextBytes,
    ciphertextSlots: party.ciphertextSlots,
    slots,
    publicKeyBytes: party.publicKeyBytes,
    accuracy: run.accuracy,
    twinAccuracy: task.twin.accuracy,
    maxWeightError: run.maxWeightError,
    outputs: [...run.outputs],
    attack,
  };
}

const COLUMNS: readonly (readonly [title: string, width: number, cell: (figures: SchemeFigures) => string])[] = [
  ['scheme', -8, ({ scheme }) => scheme],
  ['security', -10, ({ security }) => security],
  ['numbers', -8, ({ arithmetic }) => (arithmetic === 'exact' ? 'exact' : 'approx.')],
  ['steps', 5, ({ steps }) => String(steps)],
  ['a step', 9, ({ secondsPerStep }) => formatDuration(1000 * secondsPerStep)],
  ['ciphertext', 12, ({ ciphertextBytes }) => formatBytes(ciphertextBytes)],
  ['keys', 9, ({ publicKeyBytes }) => (publicKeyBytes === 0 ? '–' : formatBytes(publicKeyBytes))],
  ['accuracy', 11, ({ accuracy }) => formatPercent(accuracy)],
  ['error', 8, ({ maxWeightError }) => `2^-${errorBits(maxWeightError).toFixed(1)}`],
];

export function tableHead(): string {
  return COLUMNS.map(([title, width]) => pad(title, width)).join('');
}

export function tableRow(figures: SchemeFigures): string {
  return COLUMNS.map(([, width, cell]) => pad(cell(figures), width)).join('');
}

/** Negative widths to the left, positive ones to the right. */
function pad(text: string, width: number): string {
  return width < 0 ? text.padEnd(-width) : text.padStart(width);
}
