/** Terminal colours, or functions that change nothing. */

import pc from 'picocolors';
import { type Io, type OutputStream, wantsColor } from './io.ts';

export type Colors = ReturnType<typeof pc.createColors>;

export function colorsFor(stream: OutputStream, env: Io['env']): Colors {
  return pc.createColors(wantsColor(stream, env));
}
