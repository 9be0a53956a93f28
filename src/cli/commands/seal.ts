/** `hermetic seal`: a plain network becomes ciphertexts. */

import { buildCommand, type Command } from '@stricli/core';
import { HermeticError } from '../../base/errors.ts';
import type { PlainModel } from '../../protocol/model-file.ts';
import type { TeachingSchemeName } from '../../schemes/traits.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import {
  type OutputFlags,
  type OwnerKeyFlags,
  outputFlags,
  parseBatch,
  passphraseFlag,
  type ThreadFlags,
  threadFlags,
} from '../flags.ts';
import { formatBytes, formatCount } from '../format.ts';
import { readPlainModel } from '../model-files.ts';
import { type ForceFlags, forceFlags, requireOutput } from '../output-file.ts';
import { text } from '../parsers.ts';

interface Flags extends Omit<OwnerKeyFlags, 'key'>, ForceFlags, ThreadFlags, OutputFlags {
  readonly key: string | undefined;
  readonly scheme: 'ckks' | TeachingSchemeName;
  readonly demonstration: boolean;
  readonly batch: number | undefined;
  readonly out: string;
}

export const seal: Command<HermeticContext> = buildCommand<Flags, [string], HermeticContext>({
  docs: {
    brief: 'Encrypt a network, so that it can be trained but not read',
    fullDescription: [
      '  hermetic seal model.safetensors --key keys/owner.key --passphrase-file pw --out model.sealed',
      '',
      'With --scheme vector or yashe, which hide nothing, a demonstration is sealed under a key that nobody keeps: --out',
      'names a folder then, and hermetic break opens it.',
    ].join('\n'),
  },
  parameters: {
    flags: {
      ...passphraseFlag,
      key: { kind: 'parsed', parse: text, brief: "The owner's key", placeholder: 'owner.key', optional: true },
      scheme: {
        kind: 'enum',
        values: ['ckks', 'vector', 'yashe'],
        brief: 'Homomorphic scheme; vector and yashe are for demonstrations only',
        default: 'ckks',
      },
      demonstration: {
        kind: 'boolean',
        brief: 'Mark the model as a demonstration, whose weights need no protection',
        default: false,
        withNegated: false,
      },
      batch: {
        kind: 'parsed',
        parse: parseBatch,
        brief: 'Largest batch that it shall be trained with (default: 256)',
        placeholder: 'ROWS',
        optional: true,
      },
      out: { kind: 'parsed', parse: text, brief: 'File to write', placeholder: 'model.sealed' },
      ...forceFlags,
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
  const { key, scheme, demonstration, batch, out, force, passphraseFile } = flags;
  const inputs = [path, key, passphraseFile];
  if (scheme !== 'ckks') {
    if (key !== undefined || passphraseFile !== undefined) {
      throw new HermeticError('BAD_ARGUMENT', `--key and --passphrase-file do not go with --scheme ${scheme}`, {
        mend: 'Leave them away: a demonstration is sealed under a key of its own, which nobody keeps.',
      });
    }
    const { sealDemonstration } = await import('../schemes/seal-demonstration.ts');
    await sealDemonstration(console, model, { scheme, demonstration, batch, folder: out, inputs, force });
    return;
  }
  if (key === undefined) {
    throw new HermeticError('BAD_ARGUMENT', 'the option --key is missing', { mend: 'hermetic keygen makes one.' });
  }
  await requireOutput({ out, kind: 'sealed-model', inputs, force });
  await withOwnerKeys(console, { ...flags, key }, async (keys) => {
    await carryOpened(console, model.opened, keys.keyId, key);
    const sealed = owner.seal(model, keys, { demonstration, ...(batch !== undefined && { batch }) });
    const modelId = await writeSealed(out, sealed, keys.parameters);
    const bytes = await fileSize(out);
    const { set, securityBits } = keys.parameters.description;
    const ciphertexts = sealed.records.length;
    console.result(
      { out, bytes, modelId, keyId: keys.keyId, ciphertexts, set, securityBits },
      ({ bold }) =>
        `${bold(out)}  ${formatBytes(bytes)}: every weight in ${formatCount(ciphertexts)} ciphertexts of set ` +
        `${set}, ${securityBits}-bit security`,
    );
  });
}

/** Weights that were sealed before may carry the key that they had. */
async function carryOpened(
  console: Console,
  opened: PlainModel['opened'],
  keyId: string,
  keyPath: string,
): Promise<void> {
  if (opened === undefined || opened.keyId === keyId) return;
  if (opened.path === undefined) {
    console.warn(
      'a service opened these weights: answers about them count under its keys, and what you unlock here is not counted there.',
    );
    return;
  }
  const { carryUnlocks } = await import('../../owner/node/unlock-book.ts');
  await carryUnlocks({ path: opened.path, keyId: opened.keyId }, keyPath);
}
