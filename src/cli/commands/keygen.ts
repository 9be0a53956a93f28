/** `hermetic keygen`: the owner's secret key, and the public keys that trainers compute with. */

import { buildCommand, type Command } from '@stricli/core';
import { HermeticError } from '../../base/errors.ts';
import { warnIfInsecure } from '../../protocol/parameters.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import {
  type OutputFlags,
  type OwnerKeyFlags,
  outputFlags,
  passphraseFlag,
  type ThreadFlags,
  threadFlags,
} from '../flags.ts';
import { formatBytes, formatCount, formatDuration } from '../format.ts';
import { text } from '../parsers.ts';
import type { Progress } from '../progress.ts';

interface Flags extends OutputFlags, ThreadFlags, Pick<OwnerKeyFlags, 'passphraseFile'> {
  readonly set: string;
  readonly out: string;
}

export const keygen: Command<HermeticContext> = buildCommand<Flags, [], HermeticContext>({
  docs: {
    brief: "Make the owner's key and the keys for trainers",
    fullDescription: [
      'Writes owner.key, which stays with you and is locked with a passphrase, and trainer.keys, which goes to those',
      'who shall train. L13 has 3 levels, L14 has 9, L15 has 20; all have 128 bits of security.',
      '',
      '  hermetic keygen --set L14 --passphrase-file pw --out keys',
    ].join('\n'),
  },
  parameters: {
    flags: {
      set: { kind: 'parsed', parse: text, brief: 'Parameter set: L13, L14 or L15', placeholder: 'SET', default: 'L14' },
      ...passphraseFlag,
      out: { kind: 'parsed', parse: text, brief: 'Folder for the two files', placeholder: 'FOLDER', default: 'keys' },
      ...threadFlags,
      ...outputFlags,
    },
  },
  func: runKeygen,
});

async function runKeygen(this: HermeticContext, flags: Flags): Promise<void> {
  const console = new Console(this.io, flags);
  const { keyPaths, requireNoKeys, saveKeys } = await import('../key-files.ts');
  const { createKeys } = await import('../../owner/owner-keys.ts');
  const { readPassphrase } = await import('../passphrase.ts');
  const { fileSize } = await import('../sealed-files.ts');
  const paths = keyPaths(flags.out);
  await requireNoKeys(paths);
  const passphrase = await readPassphrase(this.io, { file: flags.passphraseFile, keyFile: paths.owner, fresh: true });
  const began = performance.now();
  let progress: Progress | undefined;
  const keys = await createKeys({
    set: flags.set,
    ...(flags.threads !== undefined && { threads: flags.threads }),
    onProgress: (done, total) => {
      progress ??= console.progress({ unit: 'key', total });
      progress.update(done);
    },
  }).finally(() => progress?.stop());
  try {
    if (this.io.signal.aborted) throw new HermeticError('ABORTED', 'no keys were made', { mend: 'Run it again.' });
    warnIfInsecure(keys.parameters.description, (message) => console.warn(message));
    await saveKeys(flags.out, keys, passphrase);
    const { keyId } = keys;
    const { set, N, logQP, securityBits } = keys.parameters.description;
    const bytes = { owner: await fileSize(paths.owner), trainer: await fileSize(paths.trainer) };
    console.result(
      { ownerKey: paths.owner, trainerKeys: paths.trainer, keyId, set, N, logQP, securityBits, bytes },
      ({ bold }) =>
        [
          `${bold(paths.owner)}     ${formatBytes(bytes.owner)}, locked: keep it, and keep it to yourself`,
          `${bold(paths.trainer)}  ${formatBytes(bytes.trainer)}, for trainers`,
          `set ${set}: N = ${formatCount(N)}, log QP = ${formatCount(logQP)}, ${securityBits}-bit security; ` +
            `key ${keyId.slice(0, 12)}…; ${formatDuration(performance.now() - began)}`,
        ].join('\n'),
    );
  } finally {
    keys.dispose();
  }
}
