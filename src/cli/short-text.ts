/** Small text files: passphrases and tokens. Pipes are welcome, endless devices are not read to their end. */

import { open } from 'node:fs/promises';
import { HermeticError } from '../base/errors.ts';
import { diskError } from '../protocol/node/disk-error.ts';

const MAX_BYTES = 16_384;

/** The whole file as text. HermeticError DISK, BAD_ARGUMENT where it is longer than 16 kB. */
export async function readShortText(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const buffer = new Uint8Array(MAX_BYTES + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length);
        length += bytesRead;
        if (bytesRead === 0 || length > MAX_BYTES) break;
      }
      if (length > MAX_BYTES) throw tooLong(path);
      return new TextDecoder().decode(buffer.subarray(0, length));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw diskError(error, 'read', path);
  }
}

function tooLong(path: string): HermeticError {
  return new HermeticError('BAD_ARGUMENT', `${path} is too long for a passphrase or a token`, {
    expected: `at most ${MAX_BYTES} bytes`,
    mend: 'Name another file.',
  });
}
