/** Said at each use of the seed's scheme. */

import { SCHEMES } from '../../schemes/traits.ts';
import type { Console } from '../console.ts';

/** The command that shows it. */
export const BREAK_COMMAND: string = SCHEMES.vector.attack ?? '';

export function warnOfVector(console: Console): void {
  console.warn(SCHEMES.vector.warning ?? '');
}
