/** `hermetic completion install`: completion in bash. The proposals themselves come from `hermetic complete …`. */

import { buildInstallCommand, buildUninstallCommand, type StricliAutoCompleteContext } from '@stricli/auto-complete';
import { buildRouteMap, type Command, type RouteMap } from '@stricli/core';
import type { HermeticContext } from '../context.ts';

/** The words that ask for proposals: `hermetic complete hermetic tr`. */
export const COMPLETE = 'complete';

/** These commands write to a Node process's streams and read SHELL; the context has all that they use. */
function asRoute(command: Command<StricliAutoCompleteContext>): Command<HermeticContext> {
  return command as unknown as Command<HermeticContext>;
}

export const completion: RouteMap<HermeticContext> = buildRouteMap<string, HermeticContext>({
  routes: {
    install: asRoute(buildInstallCommand('hermetic', { bash: `hermetic ${COMPLETE}` })),
    uninstall: asRoute(buildUninstallCommand('hermetic', { bash: true })),
  },
  docs: { brief: 'Complete commands and options in bash' },
});
