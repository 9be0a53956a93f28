/** System errors of the file system as something that a user can act on. */
import { HermeticError } from '../../base/errors.ts';

const MENDS: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: free some space and run the command again.',
  EDQUOT: 'Your quota is used up: free some space and run the command again.',
  EFBIG: 'The file is larger than this system allows: write to another disk.',
  EACCES: 'Permission denied: choose a place where you may read and write.',
  EPERM: 'Permission denied: choose a place where you may read and write.',
  EROFS: 'The disk is read-only: choose another place.',
  ENOENT: 'There is no such file or folder: check the path.',
  EEXIST: 'There is a file of that name: choose another.',
  ENOTDIR: 'Part of the path is a file, not a folder: check the path.',
  EISDIR: 'That is a folder: name a file.',
  ENOTEMPTY: 'That is a folder: name a file.',
  ENAMETOOLONG: 'The name is too long for this disk.',
  EIO: 'The disk reported an error: check it, or write to another one.',
  EMFILE: 'Too many files are open: close other programs or raise the limit.',
  ENFILE: 'Too many files are open: close other programs or raise the limit.',
};

/** A known system error as DISK; anything else comes back as it is. */
export function diskError(error: unknown, action: 'read' | 'write', path: string): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const mend = MENDS[code];
  if (mend === undefined || error instanceof HermeticError) return error;
  return new HermeticError('DISK', `cannot ${action} ${path} (${code})`, { mend, cause: error });
}
