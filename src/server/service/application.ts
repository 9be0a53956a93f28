/** The routes as a Hono application: authentication, checks of what comes and of what goes, one handler of errors. */
import { type Context, Hono } from 'hono';
import { errorResponse } from '../error-response.ts';
import type { WebFiles } from '../node/web-files.ts';
import type { PartyRow } from '../store/tables.ts';
import { authenticate } from './authenticate.ts';
import { checked, JSON_LIMITS, type Pace, readJson } from './bodies.ts';
import type { ServiceContext } from './context.ts';
import { secure } from './headers.ts';
import { unknown } from './problems.ts';
import type { Call, Route } from './route.ts';

export function createApplication(service: ServiceContext, routes: readonly Route[], web: WebFiles | undefined): Hono {
  const app = new Hono();
  app.use('*', async (context, next) => {
    await next();
    secure(context.res.headers);
  });
  for (const route of routes) {
    app.on(route.method, honoPath(route.path), (context) => dispatch(service, route, context));
  }
  app.get('*', async (context, next) => {
    const file = await web?.answer(context.req.path, context.req.raw);
    if (file === undefined) return next();
    return file;
  });
  app.notFound(() => errorResponse(unknown('address')));
  app.onError((error) => {
    const response = errorResponse(error);
    if (response.status !== 500) return response;
    // A fault of the service is the owner's to read: its words may name paths.
    service.onFault(error);
    return errorResponse(new Error());
  });
  return app;
}

/** "/v1/networks/{id}" as Hono writes it: "/v1/networks/:id". */
export function honoPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

/** Names in paths: identifiers, and the names that trainers give to runs. */
const PARAMETERS: Readonly<Record<string, RegExp>> = { id: /^[0-9a-f]{16,64}$/, run: /^[\w.:-]{1,64}$/ };

async function dispatch(service: ServiceContext, route: Route, context: Context): Promise<Response> {
  const { access, query, answer } = route;
  const request = context.req.raw;
  const party = access === 'public' ? (undefined as unknown as PartyRow) : await authenticate(service, request, access);
  const call: Call<unknown, unknown> = {
    party,
    params: parametersOf(context),
    query: query === undefined ? undefined : checked(query, context.req.query(), 'query'),
    body: await bodyOf(service, route, party, request),
    request,
  };
  const value = await route.handle(service, call);
  if (value instanceof Response) return value;
  if (answer.kind !== 'json') throw new TypeError(`${route.path}: expected a response`);
  // What the schema does not name never leaves: no hash of a token, no path.
  return Response.json(answer.schema.parse(value), { headers: { 'cache-control': 'no-store' } });
}

/** Where JSON may be long, few have theirs in memory at once, and each party one: it is parsed where all callers wait. */
async function bodyOf(service: ServiceContext, { body }: Route, party: PartyRow, request: Request): Promise<unknown> {
  if (body?.kind !== 'json') return undefined;
  const limits = typeof body.limits === 'function' ? await body.limits(service, party) : body.limits;
  const read = (pace?: Pace): Promise<unknown> => readJson(request, body.schema, limits, pace);
  if (limits.maxBytes <= JSON_LIMITS.maxBytes) return read();
  return service.sequence.of(`body ${party.id}`, () => service.bodyTurns.take(() => read(service.bodyPace)));
}

function parametersOf(context: Context): Record<string, string> {
  const params = context.req.param() as Record<string, string>;
  for (const [name, value] of Object.entries(params)) if (!PARAMETERS[name]?.test(value)) throw unknown('address');
  return params;
}
