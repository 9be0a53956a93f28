/** `hermetic service …`: the owner's service from a terminal, for owners without a browser. */

import { buildRouteMap, type RouteMap } from '@stricli/core';
import type { HermeticContext } from '../context.ts';
import { audit, watch } from '../service/book-commands.ts';
import { create, gates, lineage, networks, open, status } from '../service/network-commands.ts';
import { giveUp, invite, limit, parties, rekey, revoke } from '../service/party-commands.ts';
import { approve, deny, unlocks } from '../service/unlock-commands.ts';

export const service: RouteMap<HermeticContext> = buildRouteMap<string, HermeticContext>({
  routes: {
    status,
    networks,
    create,
    gates,
    lineage,
    open,
    parties,
    invite,
    limit,
    rekey,
    revoke,
    giveUp,
    unlocks,
    approve,
    deny,
    audit,
    watch,
  },
  docs: {
    brief: "Run the owner's service: networks, trainers, unlocks, the audit log",
    fullDescription: [
      'All of this is on the page of the service too. --server names it, --token-file holds the token that',
      'hermetic serve --store made.',
      '',
      '  hermetic service create --name churn --sample sample.csv --label y --layers 8:square,1:lin4 --token-file owner.token',
      '  hermetic service invite Ada --token-file owner.token',
      '  hermetic service lineage --token-file owner.token',
    ].join('\n'),
  },
});
