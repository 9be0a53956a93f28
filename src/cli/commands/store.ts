/** `hermetic store …`: what is done to a service's store while the service is down. */

import { buildCommand, buildRouteMap, type Command, type RouteMap } from '@stricli/core';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { type OutputFlags, outputFlags } from '../flags.ts';
import { formatCount } from '../format.ts';
import { text } from '../parsers.ts';

interface MoveFlags extends OutputFlags {
  readonly from: string | undefined;
  readonly to: string | undefined;
}

const address = { kind: 'parsed', parse: text, placeholder: 'postgres://…', optional: true } as const;

const move: Command<HermeticContext> = buildCommand<MoveFlags, [string], HermeticContext>({
  docs: {
    brief: 'Move the database of a store to a PostgreSQL server, or back into the folder',
    fullDescription: [
      'All of it or nothing. Files and secret keys stay in the folder. The old database is marked, and serves no more.',
      '',
      '  hermetic store move owner --to postgres://hermetic@127.0.0.1/hermetic',
      '  hermetic serve --store owner --database postgres://hermetic@127.0.0.1/hermetic --passphrase-file pw',
    ].join('\n'),
  },
  parameters: {
    flags: {
      from: { ...address, brief: 'Where the rows are (default: in the folder)' },
      to: { ...address, brief: 'Where they shall be (default: in the folder)' },
      ...outputFlags,
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'Folder of hermetic serve --store', parse: text, placeholder: 'FOLDER' }],
    },
  },
  async func(flags, folder) {
    const console = new Console(this.io, flags);
    const { moveStore } = await import('../service/move-store.ts');
    const moved = await moveStore({ folder, from: flags.from, to: flags.to });
    console.result(
      { folder, ...moved },
      ({ bold }) =>
        `${bold(folder)}  ${formatCount(moved.rows)} rows moved; ${formatCount(moved.auditEntries)} audit entries, the chain is intact`,
    );
  },
});

export const store: RouteMap<HermeticContext> = buildRouteMap<string, HermeticContext>({
  routes: { move },
  docs: { brief: "Look after a service's store while the service is down" },
});
