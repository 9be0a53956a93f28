/** Terminal colours, or functions that change nothing. */

import pc from 'picocolors';
import { type Io, type OutputStream, wantsColor } from './io.ts';

export type Colors = ReturnType<typeof pc.createColors>;

export function colorsFor(stream: OutputStream, env: Io['env']): Colors {
  return pc.createColors(wantsColor(stream, env));
}

/** Characters without the colours. */
export function visibleLength(text: string): number {
  return text.replace(ANSI, '').length;
}

const ANSI = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');
