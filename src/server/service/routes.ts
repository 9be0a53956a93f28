/** The table of routes: the application and its OpenAPI description are both made of it. */
import { acceptedSchema, acceptRequestSchema } from '../../protocol/service/schemas.ts';
import { acceptInvitation } from './acceptance.ts';
import type { ServiceContext } from './context.ts';
import { describeApi } from './openapi.ts';
import { ownerRoutes } from './owner-routes.ts';
import { healthSchema } from './requests.ts';
import { bytes, json, jsonBody, type Route, route } from './route.ts';
import { trainerRoutes } from './trainer-routes.ts';

export function routesOf({
  allowInsecure,
  version,
}: Pick<ServiceContext, 'allowInsecure' | 'version'>): readonly Route[] {
  const routes: Route[] = [...publicRoutes(version, () => routes), ...ownerRoutes(allowInsecure), ...trainerRoutes()];
  return routes;
}

function publicRoutes(version: string, all: () => readonly Route[]): Route[] {
  return [
    route('GET', '/v1/health', {
      access: 'public',
      summary: 'Says that the service is there',
      answer: json(healthSchema),
      handle: async () => ({ schema: 1, status: 'ok', service: 'owner', version }),
    }),
    route('GET', '/v1/openapi.json', {
      access: 'public',
      summary: 'This description',
      answer: bytes,
      handle: async () => Response.json(describeApi(all(), version)),
    }),
    route('POST', '/v1/invitations/accept', {
      access: 'public',
      summary: 'Takes the code of an invitation, once, for a token that its trainer made',
      body: jsonBody(acceptRequestSchema),
      answer: json(acceptedSchema),
      handle: acceptInvitation,
    }),
  ];
}
