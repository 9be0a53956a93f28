/** Answers as a CSV of row, class and, where they were released, rounded outputs. */
import type { ReleasedRow } from '../lib/types.ts';

export function answersCsv(answers: readonly ReleasedRow[], classes: readonly string[]): string {
  const outputs = Math.max(0, ...answers.map((answer) => answer.outputs?.length ?? 0));
  const header = ['row', 'class', ...Array.from({ length: outputs }, (_, i) => `output ${i}`)];
  const lines = answers.map(({ row, label, outputs: values = [] }) => [
    String(row),
    classes[label] ?? String(label),
    ...values.map(String),
  ]);
  return [header, ...lines].map((cells) => `${cells.map(quoted).join(',')}\n`).join('');
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A cell that a spreadsheet takes as text, whatever a class is called. */
function quoted(cell: string): string {
  const safe = /^\s*[=+\-@]/.test(cell) && !NUMBER.test(cell) ? `'${cell}` : cell;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
