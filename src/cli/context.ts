/** What every command function has as `this`. */

import type { CommandContext } from '@stricli/core';
import type { Io } from './io.ts';

export interface HermeticContext extends CommandContext {
  readonly io: Io;
}
