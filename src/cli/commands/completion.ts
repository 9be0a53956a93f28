/** `hermetic completion install`: completion in bash. The proposals themselves come from `hermetic complete …`. */

import { access, constants } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { buildInstallCommand, buildUninstallCommand, type StricliAutoCompleteContext } from '@stricli/auto-complete';
import { buildCommand, buildRouteMap, type Command, type RouteMap } from '@stricli/core';
import { HermeticError } from '../../base/errors.ts';
import { diskError } from '../../protocol/node/disk-error.ts';
import type { HermeticContext } from '../context.ts';

/** The words that ask for proposals: `hermetic complete hermetic tr`. */
export const COMPLETE = 'complete';

type Part = Command<StricliAutoCompleteContext>;

/** The part edits ~/.bashrc, and says nothing where it cannot: that is found out before. */
function editCommand(part: Part, brief: string): Command<HermeticContext> {
  return buildCommand<Record<never, never>, [], HermeticContext>({
    docs: { brief },
    parameters: {},
    async func() {
      const { env, stdout } = this.io;
      requireBash(env.SHELL);
      const home = env.HOME ?? homedir();
      await requireEditable(join(home, '.bashrc'));
      // Of a process it uses these alone.
      const process = { stdout, stderr: this.io.stderr, env } as unknown as NodeJS.Process;
      const edit = await part.loader();
      await (edit as EditFunction).call({ process, os: { homedir: () => home } }, {});
    },
  });
}

type EditFunction = (this: StricliAutoCompleteContext, flags: Record<never, never>) => Promise<void>;

/** HermeticError BAD_ARGUMENT */
function requireBash(shell: string | undefined): void {
  if (shell?.includes('bash')) return;
  throw new HermeticError('BAD_ARGUMENT', 'completion is for bash, and this shell is another', {
    got: shell === undefined ? 'no SHELL in the environment' : `SHELL=${shell}`,
    mend: 'Call it in bash, or with SHELL=/bin/bash before it.',
  });
}

/** HermeticError DISK */
async function requireEditable(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw diskError(error, 'write', path);
    throw new HermeticError('DISK', `there is no ${path} to install the completion in`, {
      mend: `Make it: touch ${path}`,
      cause: error,
    });
  }
}

export const completion: RouteMap<HermeticContext> = buildRouteMap<string, HermeticContext>({
  routes: {
    install: editCommand(
      buildInstallCommand('hermetic', { bash: `hermetic ${COMPLETE}` }),
      'Write the completion into ~/.bashrc',
    ),
    uninstall: editCommand(
      buildUninstallCommand('hermetic', { bash: true }),
      'Take the completion out of ~/.bashrc again',
    ),
  },
  docs: { brief: 'Complete commands and options in bash' },
});
