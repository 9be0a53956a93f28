/** `hermetic unlock`: the owner releases what a sealed network predicted, a class or a few rounded bits a row. */

import { buildCommand, type Command } from '@stricli/core';
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
import { integer, rowList, text } from '../parsers.ts';

interface Flags extends OwnerKeyFlags, ThreadFlags, OutputFlags {
  readonly rows: readonly number[] | undefined;
  readonly bits: number | undefined;
  readonly out: string | undefined;
}

export const unlock: Command<HermeticContext> = buildCommand<Flags, [string], HermeticContext>({
  docs: {
    brief: 'Release sealed predictions: classes, or at most 12 rounded bits a row',
    fullDescription: '  hermetic unlock predictions.sealed --key keys/owner.key --passphrase-file pw --json',
  },
  parameters: {
    flags: {
      ...ownerKeyFlags,
      rows: {
        kind: 'parsed',
        parse: rowList,
        brief: 'Only these rows, such as 0,5,17 (default: all)',
        placeholder: 'ROWS',
        optional: true,
      },
      bits: {
        kind: 'parsed',
        parse: integer(1, 12),
        brief: 'Release this many rounded bits a row instead of the class alone',
        placeholder: 'BITS',
        optional: true,
      },
      out: { kind: 'parsed', parse: text, brief: 'Write them as CSV to this file', placeholder: 'FILE', optional: true },
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

async function runUnlock(this: HermeticContext, flags: Flags, path: string): Promise<void> {
  const console = new Console(this.io, flags);
  console.note(path);
}
