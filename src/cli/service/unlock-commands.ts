/** `hermetic service unlocks | approve | deny`: the owner decides what is told of predictions. */

import { buildCommand, type Command } from '@stricli/core';
import { HermeticError } from '../../base/errors.ts';
import type { ServiceClient } from '../../client/service-client.ts';
import type { UnlockView } from '../../protocol/service/types.ts';
import type { Colors } from '../colors.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { formatCount } from '../format.ts';
import { text } from '../parsers.ts';
import { openService, type ServiceFlags, serviceFlags, shortId } from './service-flags.ts';
import { shortTime, textTable } from './text-table.ts';

interface ListFlags extends ServiceFlags {
  readonly status: UnlockView['status'] | undefined;
}

export const unlocks: Command<HermeticContext> = buildCommand<ListFlags, [], HermeticContext>({
  docs: { brief: 'List requests to unlock predictions' },
  parameters: {
    flags: {
      status: {
        kind: 'enum',
        values: ['pending', 'answered', 'denied'],
        brief: 'Only these (default: all)',
        optional: true,
      },
      ...serviceFlags,
    },
  },
  async func(flags) {
    const console = new Console(this.io, flags);
    const { signal } = this.io;
    const client = await openService(console, flags);
    const [found, { parties }] = [await client.unlocks(flags.status, { signal }), await client.overview({ signal })];
    const names = new Map(parties.map(({ id, name }) => [id, name]));
    console.result({ unlocks: found }, (colors) => unlockTable(found, names, colors));
  },
});

function unlockTable(all: readonly UnlockView[], names: ReadonlyMap<string, string>, colors: Colors): string {
  if (all.length === 0) return 'no requests';
  const columns = [
    { name: 'request' },
    { name: 'party' },
    { name: 'rows', align: 'right' } as const,
    { name: 'bits', align: 'right' } as const,
    { name: 'status' },
    { name: 'asked' },
    { name: 'remarks' },
  ];
  const rows = all.map(({ id, partyId, rows: count, bits, status, createdAt, mismatches = 0, reason = '' }) => [
    shortId(id),
    names.get(partyId) ?? shortId(partyId),
    formatCount(count),
    bits === undefined ? '' : formatCount(bits),
    status === 'pending' ? colors.yellow(status) : status,
    shortTime(createdAt),
    mismatches > 0 ? colors.red(`${mismatches} rows are not what your model says`) : reason,
  ]);
  return textTable(colors, columns, rows);
}

interface DecisionFlags extends ServiceFlags {
  readonly reason: string | undefined;
}

function decisionCommand(verb: 'approve' | 'deny', brief: string): Command<HermeticContext> {
  return buildCommand<DecisionFlags, [string], HermeticContext>({
    docs: { brief, fullDescription: `  hermetic service ${verb} 4f3a… --token-file owner.token` },
    parameters: {
      flags: {
        reason: {
          kind: 'parsed',
          parse: text,
          brief: 'A sentence for the trainer and the books',
          placeholder: 'TEXT',
          optional: true,
        },
        ...serviceFlags,
      },
      positional: {
        kind: 'tuple',
        parameters: [{ brief: 'Request, by its first digits', parse: text, placeholder: 'REQUEST' }],
      },
    },
    async func(flags, named) {
      const console = new Console(this.io, flags);
      const { signal } = this.io;
      const client = await openService(console, flags);
      const { id } = await findRequest(client, named, signal);
      const decided = await client[verb](id, flags.reason, { signal });
      console.result(
        { ...decided },
        ({ bold }) => `${bold(shortId(decided.id))}  ${formatCount(decided.rows)} rows ${decided.status}`,
      );
    },
  });
}

export const approve: Command<HermeticContext> = decisionCommand('approve', 'Release what a request asks for');
export const deny: Command<HermeticContext> = decisionCommand('deny', 'Refuse a request');

async function findRequest(client: ServiceClient, named: string, signal: AbortSignal): Promise<UnlockView> {
  const pending = await client.unlocks('pending', { signal });
  const found = named.length < 4 ? [] : pending.filter(({ id }) => id.startsWith(named.toLowerCase()));
  if (found.length === 1) return found[0];
  throw new HermeticError('BAD_ARGUMENT', `there is no one request '${named.slice(0, 64)}' to decide`, {
    ...(pending.length > 0 && {
      expected: `one of ${pending
        .slice(0, 10)
        .map(({ id }) => shortId(id))
        .join(', ')}`,
    }),
    mend: pending.length === 0 ? 'Nothing waits for a decision.' : 'hermetic service unlocks lists all.',
  });
}
