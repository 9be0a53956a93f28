/** `hermetic request-unlock`: a trainer asks the owner for single predictions. */

import { buildCommand, type Command } from '@stricli/core';
import { sheetCell } from '../../base/plain-text.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { loadDataset } from '../data-source.ts';
import { type DataFlags, dataFlags, type OutputFlags, outputFlags } from '../flags.ts';
import { formatCount } from '../format.ts';
import { rowList, text } from '../parsers.ts';
import type { UnlockOutcome } from '../service/unlock-request.ts';

interface Flags extends Omit<DataFlags, 'data'>, OutputFlags {
  readonly data: string | undefined;
  readonly rows: readonly number[];
  readonly wait: boolean;
  readonly again: boolean;
}

export const requestUnlock: Command<HermeticContext> = buildCommand<Flags, [string, string], HermeticContext>({
  docs: {
    brief: 'Ask the owner for predictions, a class or a few bits a row',
    fullDescription: [
      '  hermetic predict churn/model.sealed --keys churn/trainer.keys --data new.csv --out predictions.sealed',
      '  hermetic request-unlock churn predictions.sealed --rows 0,1,2 --wait',
      '',
      'The same rows of the same file are one request: called again, the command tells how it stands.',
      'An owner who answers from the opened model needs the rows themselves: --data sends those that are named.',
    ].join('\n'),
  },
  parameters: {
    flags: {
      rows: { kind: 'parsed', parse: rowList, brief: 'Rows to ask for, such as 0,5,17 or 0-4', placeholder: 'ROWS' },
      wait: { kind: 'boolean', brief: 'Wait until the owner has decided', default: false, withNegated: false },
      again: {
        kind: 'boolean',
        brief: 'Ask anew for rows that were denied before',
        default: false,
        withNegated: false,
      },
      ...dataFlags,
      data: {
        kind: 'parsed',
        parse: text,
        brief: 'The rows that were predicted: a CSV file, or a well-known data set',
        placeholder: 'FILE',
        optional: true,
      },
      ...outputFlags,
    },
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'Folder that hermetic join made', parse: text, placeholder: 'FOLDER' },
        { brief: 'Sealed predictions', parse: text, placeholder: 'predictions.sealed' },
      ],
    },
  },
  func: runRequestUnlock,
});

async function runRequestUnlock(
  this: HermeticContext,
  flags: Flags,
  folder: string,
  predictions: string,
): Promise<void> {
  const console = new Console(this.io, flags);
  const service = await import('../service/unlock-request.ts');
  const { data, rows, wait, again, label, text: column, part, partSeed } = flags;
  const loadData =
    data === undefined
      ? undefined
      : (settings: Parameters<typeof loadDataset>[1]) =>
          loadDataset({ data, label, text: column, part, partSeed }, settings, 'predict', this.io.signal);
  const outcome = await service.requestUnlock(console, { folder, predictions, rows, loadData, wait, again });
  const { reason, status } = outcome.unlock;
  if (reason !== undefined && status === 'answered') console.note(`the owner says ${JSON.stringify(reason)}`);
  console.result({ ...outcome.unlock, classNames: outcome.classNames }, () => outcomeText(outcome));
}

/** row,label,class and the rounded outputs where they are released; or that the owner has not decided. */
function outcomeText({ unlock, classNames }: UnlockOutcome): string {
  const { status, answers = [], id, rows } = unlock;
  if (status === 'pending')
    return `request ${id}: ${formatCount(rows)} rows wait for the owner's decision; the same command tells it then`;
  const outputs = answers[0]?.outputs?.length ?? 0;
  const header = ['row', 'label', 'class', ...Array.from({ length: outputs }, (_, i) => `output${i}`)];
  const lines = answers.map((answer) =>
    [answer.row, answer.label, sheetCell(classNames[answer.label] ?? ''), ...(answer.outputs ?? [])].join(','),
  );
  return [header.join(','), ...lines].join('\n');
}
