/** The token by which an owner's server knows a trainer. */

import { randomBytes } from 'node:crypto';
import { utf8ToBytes } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';
import { writeFileAtomically } from '../protocol/node/atomic-file.ts';
import { readShortText } from './short-text.ts';

/** HermeticError DISK, BAD_ARGUMENT for an empty file. */
export async function readToken(path: string): Promise<string> {
  const token = (await readShortText(path)).trim();
  if (token !== '') return token;
  throw new HermeticError('BAD_ARGUMENT', `the token file ${path} is empty`, {
    mend: 'Copy it anew from the owner, or remove it and let hermetic serve make another.',
  });
}

/** 256 random bits that only the owner of the file may read. */
export async function writeNewToken(path: string): Promise<string> {
  const token = randomBytes(32).toString('hex');
  await writeFileAtomically(path, (sink) => sink.write(utf8ToBytes(`${token}\n`)), { mode: 0o600 });
  return token;
}

/** The token in the file, or a new one where there is no such file. */
export async function readOrMakeToken(path: string): Promise<{ readonly token: string; readonly made: boolean }> {
  try {
    return { token: await readToken(path), made: false };
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } };
    if (cause?.code !== 'ENOENT') throw error;
    return { token: await writeNewToken(path), made: true };
  }
}
