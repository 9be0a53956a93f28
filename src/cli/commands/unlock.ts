/**
 * `hermetic unlock`: the owner releases what a sealed network predicted, a class or a few rounded bits a row, counted in
 * a ledger beside the key.
 */

import { buildCommand, type Command } from '@stricli/core';
import { HermeticError } from '../../base/errors.ts';
import { sheetCell } from '../../base/plain-text.ts';
import type { UnlockedRow } from '../../owner/unlock.ts';
import type { UnlockAccount } from '../../owner/unlock-ledger.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import {
  type OutputFlags,
  type OwnerKeyFlags,
  outputFlags,
  ownerKeyFlags,
  type ThreadFlags,
  threadFlags,
} from '../flags.ts';
import { formatCount } from '../format.ts';
import { type ForceFlags, forceFlags, requireOutput } from '../output-file.ts';
import { integer, rowList, text } from '../parsers.ts';
import { writeText } from '../report/files.ts';

interface Flags extends OwnerKeyFlags, ForceFlags, ThreadFlags, OutputFlags {
  readonly rows: readonly number[] | undefined;
  readonly all: boolean;
  readonly bits: number | undefined;
  readonly private: boolean;
  readonly out: string | undefined;
}

export const unlock: Command<HermeticContext> = buildCommand<Flags, [string], HermeticContext>({
  docs: {
    brief: 'Release sealed predictions: classes, or at most 12 rounded bits a row',
    fullDescription: [
      '  hermetic unlock predictions.sealed --key keys/owner.key --passphrase-file pw --rows 0,5,17 --json',
      '',
      'Answers tell of the secret key, and enough of them are the key. So their bits are counted in owner.key.unlocks,',
      'and a key answers no more than its limit. With --private nothing is counted: for answers that stay with you.',
    ].join('\n'),
  },
  parameters: {
    flags: {
      ...ownerKeyFlags,
      rows: {
        kind: 'parsed',
        parse: rowList,
        brief: 'Only these rows, such as 0,5,17 or 0-4',
        placeholder: 'ROWS',
        optional: true,
      },
      all: {
        kind: 'boolean',
        brief: 'All rows of the file; each answer is counted',
        default: false,
        withNegated: false,
      },
      bits: {
        kind: 'parsed',
        parse: integer(1, 12),
        brief: 'Release this many rounded bits a row instead of the class alone',
        placeholder: 'BITS',
        optional: true,
      },
      private: {
        kind: 'boolean',
        brief: 'Count nothing: the answers are for your eyes, and no trainer ever sees them',
        default: false,
        withNegated: false,
      },
      out: {
        kind: 'parsed',
        parse: text,
        brief: 'Write them as CSV to this file',
        placeholder: 'FILE',
        optional: true,
      },
      ...forceFlags,
      ...threadFlags,
      ...outputFlags,
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'Sealed predictions', parse: text, placeholder: 'predictions.sealed' }],
    },
  },
  func: runUnlock,
});

const PRIVATE_WARNING =
  'these answers are not counted: keep them to yourself. A trainer who gets enough of them has your secret key.';

async function runUnlock(this: HermeticContext, flags: Flags, path: string): Promise<void> {
  const console = new Console(this.io, flags);
  const { unlockPredictions } = await import('../../owner/unlock.ts');
  const { openUnlockLedger } = await import('../../owner/node/unlock-book.ts');
  const { withOwnerKeys } = await import('../key-files.ts');
  const { readPredictions } = await import('../sealed-files.ts');
  requireRows(flags);
  const { out, key, passphraseFile, force } = flags;
  // Before answers are counted, which then could not be written.
  if (out !== undefined) await requireOutput({ out, kind: 'unknown', inputs: [path, key, passphraseFile], force });
  await withOwnerKeys(console, flags, async (keys) => {
    const sealed = await readPredictions(console, path, keys);
    if (flags.private) console.warn(PRIVATE_WARNING);
    const ledger = flags.private ? 'private' : await openUnlockLedger(flags.key);
    const predictions = await unlockPredictions(sealed, keys, {
      ledger,
      ...(flags.rows !== undefined && { rows: flags.rows }),
      ...(flags.bits !== undefined && { release: { kind: 'rounded', bits: flags.bits } as const }),
    });
    const { rows, classes, classNames, modelId } = sealed;
    const named = predictions.map((row) => nameClass(row, classNames));
    if (flags.out !== undefined) await writeText(flags.out, toCsv(named), 0o600);
    const budget = ledger === 'private' ? undefined : await ledger.account(keys);
    console.result(
      {
        rows,
        classes,
        modelId,
        predictions: named,
        ...(budget && { budget }),
        ...(flags.out !== undefined && { out: flags.out }),
      },
      ({ bold }) =>
        flags.out === undefined ? toCsv(named).trimEnd() : `${bold(flags.out)}  ${predictions.length} rows`,
    );
    if (budget) console.note(budgetWords(budget));
  });
}

/** HermeticError BAD_ARGUMENT where all rows would be answered, and counted, without anybody having said so. */
function requireRows({ rows, all, private: uncounted }: Flags): void {
  if (rows !== undefined && all) {
    throw new HermeticError('BAD_ARGUMENT', 'some rows and all rows are asked for', {
      mend: 'Leave --rows or --all out.',
    });
  }
  if (rows !== undefined || all || uncounted) return;
  throw new HermeticError('BAD_ARGUMENT', 'it is not said which rows to answer, and every answer is counted', {
    mend: 'Give --rows 0,1,2, or --all; with --private nothing is counted.',
  });
}

function budgetWords({ left, limit }: UnlockAccount): string {
  return `${formatCount(left)} of ${formatCount(limit)} bits left to answer under this key`;
}

interface NamedRow extends UnlockedRow {
  /** What the label is called, where the file says so. */
  readonly class?: string;
}

function nameClass(row: UnlockedRow, names: readonly string[] | undefined): NamedRow {
  const name = names?.[row.label];
  return name === undefined ? row : { ...row, class: name };
}

/** row,label, the class's name where there is one, and the rounded outputs where they were asked for. */
function toCsv(predictions: readonly NamedRow[]): string {
  const outputs = predictions[0]?.outputs?.length ?? 0;
  const names = predictions.some((row) => row.class !== undefined);
  const header = [
    'row',
    'label',
    ...(names ? ['class'] : []),
    ...Array.from({ length: outputs }, (_, i) => `output${i}`),
  ];
  const lines = predictions.map((row) =>
    [row.row, row.label, ...(names ? [sheetCell(row.class ?? '')] : []), ...(row.outputs ?? [])].join(','),
  );
  return `${[header.join(','), ...lines].join('\n')}\n`;
}
