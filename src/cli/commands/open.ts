/** `hermetic open`: the owner reads a network that came back. */

import { buildCommand, type Command } from '@stricli/core';
import { parameterCount } from '../../nn/weights.ts';
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
import { formatBytes, formatCount } from '../format.ts';
import { writePlainModel } from '../model-files.ts';
import { type ForceFlags, forceFlags, requireOutput } from '../output-file.ts';
import { text } from '../parsers.ts';

interface Flags extends OwnerKeyFlags, ForceFlags, ThreadFlags, OutputFlags {
  readonly out: string;
}

export const open: Command<HermeticContext> = buildCommand<Flags, [string], HermeticContext>({
  docs: {
    brief: 'Decrypt a sealed network, into a file for your eyes alone (mode 0600)',
    fullDescription:
      '  hermetic open trained.sealed --key keys/owner.key --passphrase-file pw --out trained.safetensors',
  },
  parameters: {
    flags: {
      ...ownerKeyFlags,
      out: { kind: 'parsed', parse: text, brief: 'File to write', placeholder: 'model.safetensors' },
      ...forceFlags,
      ...threadFlags,
      ...outputFlags,
    },
    positional: { kind: 'tuple', parameters: [{ brief: 'A sealed model', parse: text, placeholder: 'model.sealed' }] },
  },
  func: runOpen,
});

async function runOpen(this: HermeticContext, flags: Flags, path: string): Promise<void> {
  const console = new Console(this.io, flags);
  const { out, key, passphraseFile, force } = flags;
  await requireOutput({ out, kind: 'safetensors', inputs: [path, key, passphraseFile], force });
  const owner = await import('../../owner/seal.ts');
  const { withOwnerKeys } = await import('../key-files.ts');
  const { readSealed } = await import('../sealed-files.ts');
  await withOwnerKeys(console, flags, async (keys) => {
    const sealed = await readSealed(console, path, keys);
    const model = owner.open(sealed, keys);
    const bytes = await writePlainModel(flags.out, model);
    const parameters = parameterCount(model.architecture);
    console.result(
      { out: flags.out, bytes, parameters, rounds: sealed.round, modelId: sealed.modelId },
      ({ bold }) =>
        `${bold(flags.out)}  ${formatBytes(bytes)}: ${formatCount(parameters)} weights, no longer sealed; only you can read the file`,
    );
  });
}
