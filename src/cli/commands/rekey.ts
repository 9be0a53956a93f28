/** `hermetic rekey`: the same network under another key, so that the next trainer cannot tell it is the same. */

import { buildCommand, type Command } from '@stricli/core';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { type OutputFlags, outputFlags, passphraseFlag, type ThreadFlags, threadFlags } from '../flags.ts';
import { formatBytes } from '../format.ts';
import { type ForceFlags, forceFlags, requireOutput } from '../output-file.ts';
import { text } from '../parsers.ts';

interface Flags extends ForceFlags, ThreadFlags, OutputFlags {
  readonly from: string;
  readonly to: string;
  readonly passphraseFile: string | undefined;
  readonly toPassphraseFile: string | undefined;
  readonly out: string;
}

export const rekey: Command<HermeticContext> = buildCommand<Flags, [string], HermeticContext>({
  docs: {
    brief: 'Seal a network anew under another key, for the next trainer',
    fullDescription: [
      '  hermetic rekey trained.sealed --from keys/owner.key --to other/owner.key \\',
      '      --passphrase-file pw --out next.sealed',
      '',
      'What a trainer returned may carry the key that it had, in digits too small to see. So later answers about the',
      'network count under both keys: keep the first one, and its file of unlocks, where they are.',
    ].join('\n'),
  },
  parameters: {
    flags: {
      from: { kind: 'parsed', parse: text, brief: 'The key that it is sealed with', placeholder: 'owner.key' },
      to: { kind: 'parsed', parse: text, brief: 'The key that it shall be sealed with', placeholder: 'owner.key' },
      ...passphraseFlag,
      toPassphraseFile: {
        kind: 'parsed',
        parse: text,
        brief: 'Passphrase file of the second key (default: that of the first)',
        placeholder: 'FILE',
        optional: true,
      },
      out: { kind: 'parsed', parse: text, brief: 'File to write', placeholder: 'next.sealed' },
      ...forceFlags,
      ...threadFlags,
      ...outputFlags,
    },
    positional: { kind: 'tuple', parameters: [{ brief: 'A sealed model', parse: text, placeholder: 'model.sealed' }] },
  },
  func: runRekey,
});

async function runRekey(this: HermeticContext, flags: Flags, path: string): Promise<void> {
  const console = new Console(this.io, flags);
  const owner = await import('../../owner/seal.ts');
  const { carryUnlocks } = await import('../../owner/node/unlock-book.ts');
  const { withOwnerKeys } = await import('../key-files.ts');
  const { fileSize, readSealed, writeSealed } = await import('../sealed-files.ts');
  const { threads, out, force } = flags;
  const inputs = [path, flags.from, flags.to, flags.passphraseFile, flags.toPassphraseFile];
  await requireOutput({ out, kind: 'sealed-model', inputs, force });
  const source = { key: flags.from, passphraseFile: flags.passphraseFile, threads };
  const target = { key: flags.to, passphraseFile: flags.toPassphraseFile ?? flags.passphraseFile, threads };
  await withOwnerKeys(console, source, (from) =>
    withOwnerKeys(console, target, async (to) => {
      const sealed = await readSealed(console, path, from);
      await carryUnlocks({ path: flags.from, key: from }, flags.to);
      const next = owner.rekey(sealed, from, to);
      const modelId = await writeSealed(out, next, to.parameters);
      const bytes = await fileSize(out);
      console.result(
        { out, bytes, modelId, fromKeyId: from.keyId, keyId: to.keyId },
        ({ bold }) =>
          `${bold(out)}  ${formatBytes(bytes)}: key ${from.keyId.slice(0, 12)}… → ${to.keyId.slice(0, 12)}…`,
      );
    }),
  );
}
