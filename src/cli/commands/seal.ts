/** `hermetic seal`: a plain network becomes ciphertexts. */

import { buildCommand, type Command } from '@stricli/core';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import {
  type OutputFlags,
  type OwnerKeyFlags,
  outputFlags,
  ownerKeyFlags,
  parseBatch,
  type ThreadFlags,
  threadFlags,
} from '../flags.ts';
import { formatBytes, formatCount } from '../format.ts';
import { readPlainModel } from '../model-files.ts';
import { text } from '../parsers.ts';

interface Flags extends OwnerKeyFlags, ThreadFlags, OutputFlags {
  readonly batch: number | undefined;
  readonly out: string;
}

export const seal: Command<HermeticContext> = buildCommand<Flags, [string], HermeticContext>({
  docs: {
    brief: 'Encrypt a network, so that it can be trained but not read',
    fullDescription: '  hermetic seal model.safetensors --key keys/owner.key --passphrase-file pw --out model.sealed',
  },
  parameters: {
    flags: {
      ...ownerKeyFlags,
      batch: {
        kind: 'parsed',
        parse: parseBatch,
        brief: 'Largest batch that it shall be trained with (default: 256)',
        placeholder: 'ROWS',
        optional: true,
      },
      out: { kind: 'parsed', parse: text, brief: 'File to write', placeholder: 'model.sealed' },
      ...threadFlags,
      ...outputFlags,
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'A plain model', parse: text, placeholder: 'model.safetensors' }],
    },
  },
  func: runSeal,
});

async function runSeal(this: HermeticContext, flags: Flags, path: string): Promise<void> {
  const console = new Console(this.io, flags);
  const owner = await import('../../owner/seal.ts');
  const { withOwnerKeys } = await import('../key-files.ts');
  const { fileSize, writeSealed } = await import('../sealed-files.ts');
  const model = await readPlainModel(path);
  await withOwnerKeys(console, flags, async (keys) => {
    const sealed = owner.seal(model, keys, { ...(flags.batch !== undefined && { batch: flags.batch }) });
    const modelId = await writeSealed(flags.out, sealed, keys.parameters);
    const bytes = await fileSize(flags.out);
    const { set, securityBits } = keys.parameters.description;
    const ciphertexts = sealed.records.length;
    console.result(
      { out: flags.out, bytes, modelId, keyId: keys.keyId, ciphertexts, set, securityBits },
      ({ bold }) =>
        `${bold(flags.out)}  ${formatBytes(bytes)}: every weight in ${formatCount(ciphertexts)} ciphertexts of set ` +
        `${set}, ${securityBits}-bit security`,
    );
  });
}
