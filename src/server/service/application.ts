/** The routes as a Hono application: authentication, checks of what comes and of what goes, one handler of errors. */
import { type Context, Hono } from 'hono';
import { errorResponse } from '../error-response.ts';
import type { WebFiles } from '../node/web-files.ts';
import { unknown } from '../problems.ts';
import type { PartyRow } from '../store/tables.ts';
import { authenticate } from './authenticate.ts';
import { checked, JSON_LIMITS, type Pace, readJson } from './bodies.ts';
import type { ServiceContext } from './context.ts';
import { secure } from './headers.ts';
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
function honoPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

/** Names in paths: identifiers, and the names that trainers give to runs. */
const PARAMETERS: Readonly<Record<string, RegExp>> = { id: /^[0-9a-f]{16,64}$/, run: /^[\w.:-]{1,64}$/ };

async function dispatch(service: ServiceContext, route: Route, context: Context): Promise<Response> {
  const { access, query, body } = route;
  const request = context.req.raw;
  const authenticated = async (): Promise<PartyRow> =>
    access === 'public' ? (undefined as unknown as PartyRow) : authenticate(service, request, access);
  const party = await authenticated();
  const call: Call<undefined, unknown> = {
    party,
    params: parametersOf(context),
    query: query === undefined ? undefined : checked(query, context.req.query(), 'query'),
    body: undefined,
    request,
  };
  if (body?.kind !== 'json') return answerTo(service, route, call);
  const limits = typeof body.limits === 'function' ? await body.limits(service, party) : body.limits;
  const read = (pace?: Pace): Promise<unknown> => readJson(request, body.schema, limits, pace);
  if (limits.maxBytes <= JSON_LIMITS.maxBytes) return answerTo(service, route, { ...call, body: await read() });
  return inTurn(service, party, async () => {
    // It may have waited long: a party that was revoked since is turned away.
    const current = await authenticated();
    const value = await read(service.bodyPace);
    return () => answerTo(service, route, { ...call, party: current, body: value });
  });
}

async function answerTo(service: ServiceContext, route: Route, call: Call<unknown, unknown>): Promise<Response> {
  const { answer, path, handle } = route;
  const value = await handle(service, call);
  if (value instanceof Response) return value;
  if (answer.kind !== 'json') throw new TypeError(`${path}: expected a response`);
  // What the schema does not name never leaves: no hash of a token, no path.
  return Response.json(answer.schema.parse(value), { headers: { 'cache-control': 'no-store' } });
}

/**
 * Where JSON may be long, few have theirs in memory at once, and each party one: it is parsed where all callers wait, and the
 * objects are many times as long. A trainer's is there until it is answered. An answer that takes long gives its turn
 * up, for it may wait for what its party is slow to send; the party's own next body waits on.
 */
async function inTurn(
  { sequence, bodyTurns, bodyPace }: ServiceContext,
  { id, role }: PartyRow,
  read: () => Promise<() => Promise<Response>>,
): Promise<Response> {
  // The owner's need not: the same request of his, sent again meanwhile, joins the first.
  const held = role === 'trainer';
  // In a list, for a promise that is returned is waited for.
  const [answer] = await sequence.of(`body ${id}`, async () => {
    const begun = await bodyTurns.take(async () => {
      const work = await read();
      const answers = [work()];
      if (held) await settledWithin(Promise.allSettled(answers), bodyPace.graceMs);
      return answers;
    });
    if (held) await Promise.allSettled(begun);
    return begun;
  });
  return answer;
}

/** Until then, and no longer. */
async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

function parametersOf(context: Context): Record<string, string> {
  const params = context.req.param() as Record<string, string>;
  for (const [name, value] of Object.entries(params)) if (!PARAMETERS[name]?.test(value)) throw unknown('address');
  return params;
}
