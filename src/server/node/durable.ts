/** Small parts of writing files such that they are there after the process, or the machine, has died. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

/** 128 random bits in hexadecimal: names of rows and of files that are not finished. */
export function randomId(): string {
  return randomBytes(16).toString('hex');
}

/** All of the bytes where the handle stands: at the end of a file that was opened to append or is written in order. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, null);
    written += bytesWritten;
  }
}

/** Makes the names in a folder durable. Not every platform lets a folder be opened; what was renamed is so regardless. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  if (handle === undefined) return;
  await handle.sync().catch(() => {});
  await handle.close();
}
