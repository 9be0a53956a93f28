/** Passphrases: from a file or typed, never from the command line, where every process could read them. */

import { HermeticError } from '../base/errors.ts';
import type { Console } from './console.ts';
import type { Io } from './io.ts';
import { readShortText } from './short-text.ts';

export interface PassphraseSource {
  /** Its first line is the passphrase. */
  readonly file: string | undefined;
  /** Named in the question: "keys/owner.key". */
  readonly keyFile: string;
  /** The passphrase is new and therefore asked for twice. */
  readonly fresh?: boolean;
}

/** HermeticError BAD_ARGUMENT where there is no file and nobody to ask, DISK, ABORTED. */
export async function readPassphrase(io: Io, { file, keyFile, fresh = false }: PassphraseSource): Promise<string> {
  if (file !== undefined) return await firstLine(file);
  if (io.askSecret === undefined) {
    throw new HermeticError('BAD_ARGUMENT', `the passphrase of ${keyFile} is needed and there is nobody to ask`, {
      mend: 'Give --passphrase-file FILE.',
    });
  }
  const message = fresh ? `New passphrase for ${keyFile}` : `Passphrase of ${keyFile}`;
  const answer = await io.askSecret({ message, confirm: fresh });
  if (answer === undefined) throw new HermeticError('ABORTED', 'no passphrase was given');
  return answer;
}

/** Shorter than this, a guesser with the file and patience comes far. */
const SHORT = 12;

/** For a passphrase that shall lock something new. */
export function warnIfShort(console: Pick<Console, 'warn'>, passphrase: string): void {
  if (passphrase.length >= SHORT) return;
  console.warn(
    `the passphrase has fewer than ${SHORT} characters: whoever gets the file can guess it; five or six random words are hard`,
  );
}

async function firstLine(file: string): Promise<string> {
  const content = await readShortText(file);
  const [line] = content.split(/\r?\n/, 1);
  if (line !== '') return line;
  throw new HermeticError('BAD_ARGUMENT', `the passphrase file ${file} is empty`, {
    expected: 'the passphrase in its first line',
  });
}
