/** `hermetic predict`: a trainer asks a sealed network, and gets answers that only the owner can unlock. */

import { buildCommand, type Command } from '@stricli/core';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { loadDataset } from '../data-source.ts';
import {
  type DataFlags,
  dataFlags,
  type FingerprintFlag,
  fingerprintFlag,
  type OutputFlags,
  outputFlags,
  type ThreadFlags,
  threadFlags,
} from '../flags.ts';
import { formatBytes, formatCount } from '../format.ts';
import { type ForceFlags, forceFlags } from '../output-file.ts';
import { rowList, text } from '../parsers.ts';

interface Flags extends DataFlags, FingerprintFlag, ForceFlags, ThreadFlags, OutputFlags {
  readonly keys: string;
  readonly rows: readonly number[] | undefined;
  readonly progress: 'auto' | 'json';
  readonly out: string;
}

export const predict: Command<HermeticContext> = buildCommand<Flags, [string], HermeticContext>({
  docs: {
    brief: 'Predict with a sealed network; only the owner can unlock the answers',
    fullDescription:
      '  hermetic predict trained.sealed --keys keys/trainer.keys --data test.csv --out predictions.sealed',
  },
  parameters: {
    flags: {
      keys: { kind: 'parsed', parse: text, brief: 'Keys from the owner', placeholder: 'trainer.keys' },
      ...fingerprintFlag,
      ...dataFlags,
      rows: {
        kind: 'parsed',
        parse: rowList,
        brief: 'Only these rows, such as 0,5,17 (default: all)',
        placeholder: 'ROWS',
        optional: true,
      },
      progress: {
        kind: 'enum',
        values: ['auto', 'json'],
        brief: 'json: nothing for people on stderr',
        default: 'auto',
      },
      out: { kind: 'parsed', parse: text, brief: 'File to write', placeholder: 'predictions.sealed' },
      ...forceFlags,
      ...threadFlags,
      ...outputFlags,
    },
    positional: { kind: 'tuple', parameters: [{ brief: 'A sealed model', parse: text, placeholder: 'model.sealed' }] },
  },
  func: runPredict,
});

async function runPredict(this: HermeticContext, flags: Flags, path: string): Promise<void> {
  const console = new Console(this.io, { ...flags, quiet: flags.quiet || flags.progress === 'json' });
  const { predictFile } = await import('../predict-file.ts');
  const { rows, ciphertexts, bytes } = await predictFile(console, {
    model: path,
    keys: flags.keys,
    fingerprint: flags.fingerprint,
    threads: flags.threads,
    loadData: (settings) => loadDataset(flags, settings, 'predict', this.io.signal),
    out: flags.out,
    inputs: [path, flags.keys, flags.data],
    force: flags.force,
  });
  console.result(
    { out: flags.out, bytes, rows, ciphertexts },
    ({ bold }) =>
      `${bold(flags.out)}  ${formatBytes(bytes)}: ${formatCount(rows)} predictions, locked for all but the owner`,
  );
}
