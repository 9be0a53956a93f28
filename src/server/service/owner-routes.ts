/** Routes of the owner's token. */
import * as schemas from '../../protocol/service/schemas.ts';
import { giveUpKey } from './give-up.ts';
import { openModel, sendModelFile } from './models.ts';
import { changeGates, createNetwork, showLineage, showNetwork } from './networks.ts';
import { showAudit, showOverview } from './overview.ts';
import { changeParty, invite, rekey, revoke } from './parties.ts';
import {
  auditQuerySchema,
  gatesChangeSchema,
  networkRequestSchema,
  partyChangeSchema,
  unlockListSchema,
  unlocksQuerySchema,
} from './requests.ts';
import { bytes, events, file, json, jsonBody, type Route, route } from './route.ts';
import { showRun } from './runs.ts';
import { approve, deny, listUnlocks } from './unlocks.ts';

/** A sample and held-out rows as JSON strings, in which line ends take two bytes: few values, for all their commas. */
const NETWORK_LIMITS = { maxBytes: 96 * 2 ** 20, maxItems: 96 * 2 ** 20 };
const access = 'owner';

export function ownerRoutes(allowInsecure: boolean): Route[] {
  return [...bookRoutes(), ...networkRoutes(allowInsecure), ...partyRoutes(), ...keyRoutes(), ...modelRoutes()];
}

function bookRoutes(): Route[] {
  return [
    route('GET', '/v1/overview', {
      access,
      summary: 'Everything at a glance',
      answer: json(schemas.overviewSchema),
      handle: showOverview,
    }),
    route('GET', '/v1/events', {
      access,
      summary: 'Server-sent events: what changed, to be asked for anew',
      answer: events,
      handle: async ({ events: all }, { request }) => {
        // Nobody reads what answers HEAD.
        const body = request.method === 'HEAD' ? null : all.stream();
        return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
      },
    }),
    route('GET', '/v1/audit', {
      access,
      summary: 'The audit log by pages, filtered, oldest or newest first; and whether its whole chain is intact',
      query: auditQuerySchema,
      answer: json(schemas.auditPageSchema),
      handle: showAudit,
    }),
  ];
}

function networkRoutes(allowInsecure: boolean): Route[] {
  return [
    route('POST', '/v1/networks', {
      access,
      summary: 'Makes a network with random weights and seals it under a key of its own',
      body: jsonBody(networkRequestSchema(allowInsecure), NETWORK_LIMITS),
      answer: json(schemas.networkSchema),
      handle: createNetwork,
    }),
    route('GET', '/v1/networks/{id}', {
      access,
      summary: 'A network',
      answer: json(schemas.networkSchema),
      handle: showNetwork,
    }),
    route('PATCH', '/v1/networks/{id}', {
      access,
      summary: 'Sets the gates that a returned model must pass',
      body: jsonBody(gatesChangeSchema),
      answer: json(schemas.networkSchema),
      handle: changeGates,
    }),
    route('GET', '/v1/networks/{id}/lineage', {
      access,
      summary: 'All models, parties and keys of a network, oldest first',
      answer: json(schemas.lineageSchema),
      handle: showLineage,
    }),
  ];
}

function partyRoutes(): Route[] {
  return [
    route('POST', '/v1/invitations', {
      access,
      summary: 'Invites a trainer: a key of its own, and the head sealed under it',
      body: jsonBody(schemas.invitationRequestSchema),
      answer: json(schemas.invitationSchema),
      handle: invite,
    }),
    route('DELETE', '/v1/parties/{id}', {
      access,
      summary: 'Revokes a party',
      answer: json(schemas.partySchema),
      handle: revoke,
    }),
    route('POST', '/v1/parties/{id}/rekey', {
      access,
      summary: 'Gives a party a fresh key and the head sealed under it',
      answer: json(schemas.partySchema),
      handle: rekey,
    }),
    route('PATCH', '/v1/parties/{id}', {
      access,
      summary: 'Changes budget, policy of unlocks or expiry of a party',
      body: jsonBody(partyChangeSchema),
      answer: json(schemas.partySchema),
      handle: changeParty,
    }),
    route('GET', '/v1/parties/{id}/runs/{run}', {
      access,
      summary: 'A run of a party from its beginning on, thinned',
      answer: json(schemas.runHistorySchema),
      handle: showRun,
    }),
  ];
}

function keyRoutes(): Route[] {
  return [
    route('POST', '/v1/keys/{id}/give-up', {
      access,
      summary: 'Lets go of what was sealed under a key that nobody trains under: its trainer may come to read it',
      answer: json(schemas.keySchema),
      handle: giveUpKey,
    }),
  ];
}

function modelRoutes(): Route[] {
  return [
    route('GET', '/v1/models/{id}/file', { access, summary: 'A sealed model', answer: file, handle: sendModelFile }),
    route('POST', '/v1/models/{id}/open', {
      access,
      summary: 'A model in the clear, as safetensors',
      answer: bytes,
      handle: openModel,
    }),
    route('GET', '/v1/unlocks', {
      access,
      summary: 'Requests to unlock predictions, newest first',
      query: unlocksQuerySchema,
      answer: json(unlockListSchema),
      handle: listUnlocks,
    }),
    ...(['approve', 'deny'] as const).map((verb) =>
      route('POST', `/v1/unlocks/{id}/${verb}`, {
        access,
        summary: verb === 'approve' ? 'Answers a request' : 'Refuses a request',
        body: jsonBody(schemas.decisionSchema),
        answer: json(schemas.unlockSchema),
        handle: verb === 'approve' ? approve : deny,
      }),
    ),
  ];
}
