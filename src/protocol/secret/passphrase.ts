/**
 * Bytes locked with a passphrase: an age file (age-encryption.org/v1) with one scrypt recipient, which the `age`
 * program can open too. Scrypt takes N = 2^18, r = 8, age's default: about 1.5 seconds and 256 MiB for each guess.
 */
import { Decrypter, Encrypter } from 'age-encryption';
import { checkBytes, checkInteger } from '../../base/checks.ts';
import { HermeticError } from '../../base/errors.ts';
import { badFile } from '../bad-file.ts';

const DEFAULT_WORK_FACTOR = 18;
/** A file could otherwise ask for any amount of memory: scrypt takes 2^(10 + factor) bytes. */
const MAX_WORK_FACTOR = 18;
const MAX_PASSPHRASE_LENGTH = 4096;

export interface PassphraseOptions {
  /** log2 of scrypt's N. Below 18 guessing is cheap: for tests only. */
  readonly insecureTestWorkFactor?: number;
}

function checkPassphrase(passphrase: string): string {
  if (typeof passphrase !== 'string') throw new TypeError('passphrase: expected a string');
  if (passphrase.length >= 1 && passphrase.length <= MAX_PASSPHRASE_LENGTH) return passphrase;
  throw new HermeticError('BAD_ARGUMENT', 'the passphrase is empty or too long', {
    expected: `1 … ${MAX_PASSPHRASE_LENGTH} characters`,
    mend: 'Take four or five random words.',
  });
}

/** The bytes as an age file. */
export async function encryptWithPassphrase(
  bytes: Uint8Array,
  passphrase: string,
  options: PassphraseOptions = {},
): Promise<Uint8Array> {
  checkBytes('bytes', bytes);
  const workFactor = checkInteger('work factor', options.insecureTestWorkFactor ?? DEFAULT_WORK_FACTOR, 1, 18);
  const encrypter = new Encrypter();
  encrypter.setPassphrase(checkPassphrase(passphrase));
  encrypter.setScryptWorkFactor(workFactor);
  return await encrypter.encrypt(bytes);
}

/** The bytes of an age file. Throws WRONG_PASSPHRASE, or BAD_FILE where the file is damaged or of another kind. */
export async function decryptWithPassphrase(bytes: Uint8Array, passphrase: string): Promise<Uint8Array> {
  checkPassphrase(passphrase);
  checkAgeHeader(checkBytes('bytes', bytes));
  const decrypter = new Decrypter();
  decrypter.addPassphrase(passphrase);
  try {
    return await decrypter.decrypt(bytes);
  } catch (cause) {
    // age tells "no stanza opened" from damage by its message alone.
    if (cause instanceof Error && cause.message.includes('no identity matched')) throw wrongPassphrase();
    throw badFile('the passphrase-encrypted part of the file is damaged', { cause });
  }
}

function wrongPassphrase(): HermeticError {
  return new HermeticError('WRONG_PASSPHRASE', 'the passphrase does not open this key file', {
    mend: 'Check for another keyboard layout, and for a line break at the end of the passphrase file.',
  });
}

/** One scrypt stanza with an affordable work factor, before scrypt is asked for anything. */
function checkAgeHeader(bytes: Uint8Array): void {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 128));
  const match = /^age-encryption\.org\/v1\n-> scrypt [A-Za-z0-9+/]{22} ([1-9][0-9]?)\n/.exec(start);
  if (match === null) throw badFile('this part of the file is not encrypted with a passphrase');
  if (Number(match[1]) > MAX_WORK_FACTOR) {
    throw badFile('the key file asks for too much work to open', {
      expected: `a scrypt work factor of at most ${MAX_WORK_FACTOR}`,
      got: match[1],
    });
  }
}
