/** `hermetic service parties | invite | limit | rekey | revoke | give-up`: who may train, for how long, and how much they are told. */

import { buildCommand, type Command } from '@stricli/core';
import { HermeticError } from '../../base/errors.ts';
import type { PartyChange } from '../../client/service-client.ts';
import type { BitAccount, Overview, Party, ServedKey } from '../../protocol/service/types.ts';
import type { Colors } from '../colors.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { formatCount } from '../format.ts';
import { text } from '../parsers.ts';
import { type PartyFlags, partyFlags, unlockPolicyOf } from './policy-flags.ts';
import {
  findNetwork,
  findParty,
  openService,
  requireNewName,
  type ServiceFlags,
  serviceFlags,
  shortId,
} from './service-flags.ts';
import { shortTime, textTable } from './text-table.ts';

const partyArgument = { brief: 'Party, by name or identifier', parse: text, placeholder: 'PARTY' } as const;

export const parties: Command<HermeticContext> = buildCommand<ServiceFlags, [], HermeticContext>({
  docs: { brief: 'List the parties, what they may do and what they have done' },
  parameters: { flags: serviceFlags },
  async func(flags) {
    const console = new Console(this.io, flags);
    const overview = await (await openService(console, flags)).overview({ signal: this.io.signal });
    console.result({ parties: overview.parties, keys: overview.keys }, (colors) => partyTable(overview, colors));
  },
});

function partyTable({ parties: all, networks, keys }: Overview, colors: Colors): string {
  const bits = new Map(keys.map((key) => [key.id, key.bits]));
  const names = new Map(networks.map(({ id, name }) => [id, name]));
  const columns = [
    { name: 'party' },
    { name: 'identifier' },
    { name: 'network' },
    { name: 'state' },
    { name: 'refreshes', align: 'right' } as const,
    { name: 'unlocked', align: 'right' } as const,
    { name: 'bits left', align: 'right' } as const,
    { name: 'last seen' },
  ];
  const rows = all.map((party) => [
    colors.bold(party.name),
    shortId(party.id),
    party.networkId === undefined ? '–' : (names.get(party.networkId) ?? shortId(party.networkId)),
    stateOf(party),
    party.role === 'owner' ? '–' : `${formatCount(party.refreshes.used)}/${formatCount(party.refreshes.budget)}`,
    party.unlocks === undefined ? '–' : `${formatCount(party.unlocks.rows)}/${formatCount(party.unlocks.policy.rows)}`,
    bitsText(bits.get(party.keyId ?? '')),
    party.lastSeenAt === undefined ? 'never' : shortTime(party.lastSeenAt),
  ]);
  return textTable(colors, columns, rows);
}

/** What is left, of all that a key answers: not more than of the keys that its weights carry. */
function bitsText(bits: BitAccount | undefined): string {
  return bits === undefined ? '–' : `${formatCount(bits.left)}/${formatCount(bits.limit)}`;
}

function stateOf({ role, revokedAt, expiresAt }: Party): string {
  if (revokedAt !== undefined) return 'revoked';
  if (expiresAt !== undefined && Date.parse(expiresAt) <= Date.now()) return 'expired';
  if (role === 'owner') return 'owner';
  return expiresAt === undefined ? 'active' : `until ${shortTime(expiresAt)}`;
}

interface InviteFlags extends ServiceFlags, PartyFlags {
  readonly network: string | undefined;
}

export const invite: Command<HermeticContext> = buildCommand<InviteFlags, [string], HermeticContext>({
  docs: {
    brief: 'Invite a trainer: a key of its own, the head sealed for it, and a link that works once',
    fullDescription: [
      '  hermetic service invite Ada --network churn --refreshes 200 --unlock-mode manual --unlock-rows 100 \\',
      '      --token-file owner.token',
    ].join('\n'),
  },
  parameters: {
    flags: {
      network: {
        kind: 'parsed',
        parse: text,
        brief: 'What to train (default: the only network)',
        placeholder: 'NETWORK',
        optional: true,
      },
      ...partyFlags,
      ...serviceFlags,
    },
    positional: { kind: 'tuple', parameters: [{ brief: "The trainer's name", parse: text, placeholder: 'NAME' }] },
  },
  func: runInvite,
});

async function runInvite(this: HermeticContext, flags: InviteFlags, name: string): Promise<void> {
  const console = new Console(this.io, flags);
  const { signal } = this.io;
  const client = await openService(console, flags);
  const overview = await client.overview({ signal });
  const network = findNetwork(overview, flags.network);
  const unlocks = unlockPolicyOf(flags);
  const present = overview.parties.filter(({ revokedAt }) => revokedAt === undefined);
  requireNewName('party', present, name);
  console.note(`making a key for ${name} and sealing ${network.name} under it …`);
  const invitation = await client.invite(
    {
      name,
      networkId: network.id,
      ...(flags.hours !== undefined && { hours: flags.hours }),
      ...(flags.refreshes !== undefined && { refreshBudget: flags.refreshes }),
      ...(unlocks && { unlocks }),
    },
    { signal },
  );
  console.note(
    `Send ${name} this link. It works once, until ${shortTime(invitation.expiresAt)}, and is not shown again:`,
  );
  console.result({ ...invitation, network: network.name }, ({ bold }) => bold(invitation.url));
}

export const limit: Command<HermeticContext> = buildCommand<ServiceFlags & PartyFlags, [string], HermeticContext>({
  docs: {
    brief: 'Change what a party may do',
    fullDescription:
      '  hermetic service limit Ada --refreshes 500 --hours 48 --unlock-rows 200 --token-file owner.token',
  },
  parameters: {
    flags: { ...partyFlags, ...serviceFlags },
    positional: { kind: 'tuple', parameters: [partyArgument] },
  },
  func: runLimit,
});

async function runLimit(this: HermeticContext, flags: ServiceFlags & PartyFlags, named: string): Promise<void> {
  const console = new Console(this.io, flags);
  const { signal } = this.io;
  const client = await openService(console, flags);
  const before = findParty(await client.overview({ signal }), named);
  const unlocks = unlockPolicyOf(flags, before.unlocks?.policy);
  const change: PartyChange = {
    ...(flags.refreshes !== undefined && { refreshBudget: flags.refreshes }),
    ...(flags.hours !== undefined && { hours: flags.hours }),
    ...(unlocks && { unlocks }),
  };
  const party = await client.changeParty(before.id, change, { signal });
  console.result({ ...party }, ({ bold }) => `${bold(party.name)}  ${limitsOf(party)}`);
}

/** What a party may do, in words. */
function limitsOf({ refreshes, unlocks, ...party }: Party): string {
  const told =
    unlocks === undefined
      ? 'nothing is unlocked'
      : `${formatCount(unlocks.rows)} of ${formatCount(unlocks.policy.rows)} rows unlocked (${unlocks.policy.mode})`;
  return `${stateOf({ refreshes, ...party })}; ${formatCount(refreshes.used)} of ${formatCount(refreshes.budget)} refreshes; ${told}`;
}

export const giveUp: Command<HermeticContext> = buildCommand<ServiceFlags, [string], HermeticContext>({
  docs: {
    brief: 'Let go of what was sealed under a key that nobody trains under',
    fullDescription: [
      '  hermetic service give-up 21ace6341847 --token-file owner.token',
      '',
      'Weights that a trainer returned may carry its key, so answers about all that was made of them count under it. A key',
      'that is given up is charged no more: its trainer may come to read what was sealed under it. This cannot be undone.',
    ].join('\n'),
  },
  parameters: {
    flags: serviceFlags,
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'Key, by its identifier or the beginning of it', parse: text, placeholder: 'KEY' }],
    },
  },
  async func(flags, named) {
    const console = new Console(this.io, flags);
    const { signal } = this.io;
    const client = await openService(console, flags);
    const { networks } = await client.overview({ signal });
    const lineages = await Promise.all(networks.map(({ id }) => client.lineage(id, { signal })));
    const key = findKey(
      lineages.flatMap(({ keys }) => keys),
      named,
    );
    const given = await client.giveUpKey(key.id, { signal });
    console.result(
      { ...given },
      ({ bold }) => `${bold(shortId(given.id))}  is given up: nothing counts under it any more`,
    );
  },
});

function findKey(keys: readonly ServedKey[], named: string): ServedKey {
  const found = keys.filter(({ id }) => named.length >= 4 && id.startsWith(named));
  if (found.length === 1) return found[0];
  throw new HermeticError(
    'BAD_ARGUMENT',
    found.length === 0 ? 'there is no such key' : 'several keys begin like this',
    {
      expected: 'the identifier of a key, or its beginning',
      got: named,
      mend: '`hermetic service lineage NETWORK` shows under which key each model was sealed.',
    },
  );
}

type PartyVerb = 'rekey' | 'revoke';

function partyCommand(verb: PartyVerb, brief: string, words: (party: Party) => string): Command<HermeticContext> {
  return buildCommand<ServiceFlags, [string], HermeticContext>({
    docs: { brief, fullDescription: `  hermetic service ${verb} Ada --token-file owner.token` },
    parameters: { flags: serviceFlags, positional: { kind: 'tuple', parameters: [partyArgument] } },
    async func(flags, named) {
      const console = new Console(this.io, flags);
      const { signal } = this.io;
      const client = await openService(console, flags);
      const { id } = findParty(await client.overview({ signal }), named);
      const party = await client[verb](id, { signal });
      console.result({ ...party }, ({ bold }) => `${bold(party.name)}  ${words(party)}`);
    },
  });
}

export const rekey: Command<HermeticContext> = partyCommand(
  'rekey',
  'Give a party a fresh key and the present head under it; the old key is retired',
  ({ keyId }) => `has a fresh key, ${shortId(keyId ?? '–')}, and the present head sealed under it`,
);

export const revoke: Command<HermeticContext> = partyCommand(
  'revoke',
  'Refuse a party everything from now on',
  () => 'is revoked: its token opens nothing any more',
);
