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
import { powerOfTwo, text } from '../parsers.ts';
import type { Progress } from '../progress.ts';

interface Flags extends OutputFlags, ThreadFlags, Pick<OwnerKeyFlags, 'passphraseFile'> {
  readonly set: string;
  readonly bootstrappingSlots: number | undefined;
  readonly out: string;
}

export const keygen: Command<HermeticContext> = buildCommand<Flags, [], HermeticContext>({
  docs: {
    brief: "Make the owner's key and the keys for trainers",
    fullDescription: [
      'Writes owner.key, which stays with you and is locked with a passphrase, and trainer.keys, which goes to those',
      'who shall train. L13 has 3 levels, L14 has 9, L15 has 20; all have 128 bits of security.',
      'B16 has 17 levels and comes with bootstrapping.keys, with which a trainer renews them alone (1.5 GB).',
      '',
      '  hermetic keygen --set L14 --passphrase-file pw --out keys',
    ].join('\n'),
  },
  parameters: {
    flags: {
      set: {
        kind: 'parsed',
        parse: text,
        brief: 'Parameter set: L13, L14, L15 or B16',
        placeholder: 'SET',
        default: 'L14',
      },
      bootstrappingSlots: {
        kind: 'parsed',
        parse: powerOfTwo(32, 2 ** 15),
        brief: 'Slots that a network fills, a power of two: fewer make smaller bootstrapping keys (default: all)',
        placeholder: 'SLOTS',
        optional: true,
      },
      ...passphraseFlag,
      out: { kind: 'parsed', parse: text, brief: 'Folder for the files', placeholder: 'FOLDER', default: 'keys' },
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
  const { readPassphrase, warnIfShort } = await import('../passphrase.ts');
  const { requireBootstrappingSlots } = await import('../../owner/bootstrapping-keys.ts');
  const { parameterSet } = await import('../../schemes/ckks/parameters.ts');
  const { fileSize, requireWritableFolder } = await import('../sealed-files.ts');
  const paths = keyPaths(flags.out);
  await requireNoKeys(paths);
  await requireWritableFolder(flags.out);
  const { bootstrappingSlots: slots } = flags;
  if (slots !== undefined) requireBootstrappingSlots(await parameterSet(flags.set), slots);
  const passphrase = await readPassphrase(this.io, { file: flags.passphraseFile, keyFile: paths.owner, fresh: true });
  warnIfShort(console, passphrase);
  const began = performance.now();
  const threads = flags.threads === undefined ? {} : { threads: flags.threads };
  const watch = keyProgress(console);
  const keys = await createKeys({ set: flags.set, ...threads, ...watch }).finally(watch.stop);
  try {
    if (this.io.signal.aborted) throw new HermeticError('ABORTED', 'no keys were made', { mend: 'Run it again.' });
    warnIfInsecure(keys.parameters.description, (message) => console.warn(message));
    const large = keyProgress(console);
    await saveKeys(flags.out, keys, {
      passphrase,
      ...threads,
      ...(slots !== undefined && { slots }),
      ...large,
    }).finally(large.stop);
    const { keyId } = keys;
    const { set, N, logQP, securityBits } = keys.parameters.description;
    const bootstraps = keys.context.parameters.bootstrapping !== undefined;
    const bytes = {
      owner: await fileSize(paths.owner),
      trainer: await fileSize(paths.trainer),
      ...(bootstraps && { bootstrapping: await fileSize(paths.bootstrapping) }),
    };
    const files = {
      ownerKey: paths.owner,
      trainerKeys: paths.trainer,
      ...(bootstraps && { bootstrappingKeys: paths.bootstrapping }),
    };
    const width = Math.max(...Object.values(files).map((path) => path.length)) + 2;
    console.result({ ...files, keyId, set, N, logQP, securityBits, bytes }, ({ bold }) =>
      [
        `${bold(paths.owner.padEnd(width))}${formatBytes(bytes.owner)}, locked: keep it, and keep it to yourself`,
        `${bold(paths.trainer.padEnd(width))}${formatBytes(bytes.trainer)}, for trainers`,
        ...(bytes.bootstrapping === undefined
          ? []
          : [
              `${bold(paths.bootstrapping.padEnd(width))}${formatBytes(bytes.bootstrapping)}, for trainers who refresh alone`,
            ]),
        `set ${set}: N = ${formatCount(N)}, log QP = ${formatCount(logQP)}, ${securityBits}-bit security; ` +
          formatDuration(performance.now() - began),
        `fingerprint ${bold(keyId)}: tell it to your trainers by another way than the files (train --fingerprint)`,
      ].join('\n'),
    );
  } finally {
    keys.dispose();
  }
}

/** A bar that appears with the first key. */
function keyProgress(console: Console): { onProgress: (done: number, total: number) => void; stop: () => void } {
  let progress: Progress | undefined;
  return {
    onProgress: (done, total) => {
      progress ??= console.progress({ unit: 'key', total });
      progress.update(done);
    },
    stop: () => progress?.stop(),
  };
}
