/** How a command of the owner reaches the owner's service, and what it means by a network or a party. */

import type { FlagParametersForType } from '@stricli/core';
import { HermeticError } from '../../base/errors.ts';
import type { ServiceClient } from '../../client/service-client.ts';
import type { Overview, Party, ServedNetwork } from '../../protocol/service/types.ts';
import type { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { type OutputFlags, outputFlags } from '../flags.ts';
import { text } from '../parsers.ts';
import { readToken } from '../token-file.ts';

export interface ServiceFlags extends OutputFlags {
  readonly server: string;
  readonly tokenFile: string;
}

export const serviceFlags: FlagParametersForType<ServiceFlags, HermeticContext> = {
  server: {
    kind: 'parsed',
    parse: text,
    brief: "Address of the owner's service",
    placeholder: 'URL',
    default: 'http://127.0.0.1:7700',
  },
  tokenFile: { kind: 'parsed', parse: text, brief: "The owner's token", placeholder: 'FILE' },
  ...outputFlags,
};

/** The service, called as its owner, who sees for himself whether it is there. HermeticError DISK, BAD_ARGUMENT. */
export async function openService(console: Console, flags: ServiceFlags): Promise<ServiceClient> {
  return serviceAt(console, flags.server, await readToken(flags.tokenFile), 2);
}

/** The service at an address, with warnings and further attempts told on this console. */
export async function serviceAt(
  console: Console,
  url: string,
  token?: string,
  attempts?: number,
): Promise<ServiceClient> {
  // Not before it is needed: its schemas would cost every other command time.
  const client = await import('../../client/service-client.ts');
  return new client.ServiceClient({
    url,
    ...(token !== undefined && { token }),
    ...(attempts !== undefined && { attempts }),
    onWarning: (message) => console.warn(message),
    onRetry: (attempt, { summary }) => console.warn(`${summary}; attempt ${attempt} …`),
  });
}

/** First digits of an identifier, as people compare them. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}

/** The network of that name or identifier; where none is named, the only one. HermeticError BAD_ARGUMENT. */
export function findNetwork({ networks }: Pick<Overview, 'networks'>, named: string | undefined): ServedNetwork {
  const found = named === undefined ? networks : matching(networks, named);
  if (found.length === 1) return found[0];
  throw unclear('network', named, found, networks);
}

/** The party of that name or identifier; of parties that share a name, the one that is not revoked. */
export function findParty({ parties }: Pick<Overview, 'parties'>, named: string): Party {
  const found = matching(parties, named);
  if (found.length === 1) return found[0];
  const active = found.filter(({ revokedAt }) => revokedAt === undefined);
  if (active.length === 1) return active[0];
  throw unclear('party', named, found, parties);
}

interface Named {
  readonly id: string;
  readonly name: string;
}

/** First digits of an identifier are enough, where they are at least four. */
function matching<T extends Named>(all: readonly T[], named: string): readonly T[] {
  const byName = all.filter(({ name }) => name === named);
  if (byName.length > 0) return byName;
  return named.length < 4 ? [] : all.filter(({ id }) => id.startsWith(named.toLowerCase()));
}

function unclear(
  what: string,
  named: string | undefined,
  found: readonly Named[],
  all: readonly Named[],
): HermeticError {
  const which = named === undefined ? what : `${what} '${named}'`;
  const meant = found.length > 0 ? found : all;
  const known = meant.slice(0, 10).map(({ id, name }) => `${name} (${shortId(id)})`);
  return new HermeticError(
    'BAD_ARGUMENT',
    found.length === 0 ? `there is no ${which}` : `which ${which} is not clear`,
    {
      ...(known.length > 0 && { expected: `one of ${known.join(', ')}` }),
      mend: mendOf(all, found),
    },
  );
}

function mendOf(all: readonly Named[], [example]: readonly Named[]): string {
  if (all.length === 0) return 'The service has none yet.';
  const such = example === undefined ? '' : `, such as ${shortId(example.id)}`;
  return `Name it by its identifier, of which the first digits are enough${such}.`;
}

/** Names are what people call networks and parties by. HermeticError BAD_ARGUMENT for one that is taken. */
export function requireNewName(what: string, all: readonly Named[], name: string): void {
  const taken = all.find((other) => other.name === name);
  if (taken === undefined) return;
  throw new HermeticError('BAD_ARGUMENT', `there is a ${what} of the name '${name}' already (${shortId(taken.id)})`, {
    mend: 'Choose another name.',
  });
}
