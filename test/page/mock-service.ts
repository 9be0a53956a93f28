/**
 * A service without secrets for the page's tests: the contract's addresses over a world in memory, every answer checked
 * against the contract's schemas. It can be told to fail.
 */
import { createHash } from 'node:crypto';
import { Hono } from 'hono';
import type * as z from 'zod';
import { HermeticError } from '../../src/base/errors.ts';
import * as schemas from '../../src/protocol/service/schemas.ts';
import type {
  AuditPage,
  Lineage,
  Me,
  Overview,
  Party,
  ServedModel,
  ServedNetwork,
} from '../../src/protocol/service/types.ts';
import { errorResponse, HttpProblem } from '../../src/server/error-response.ts';
import { ago, appendAudit, hex, type World } from './scenario.ts';

export const OWNER_TOKEN = 'owner-token-0123456789abcdefghijklmnopqrstuv';
export const TRAINER_TOKEN = 'trainer-token-0123456789abcdefghijklmnopqrst';
export const CODE = 'code-0123456789abcdefghijklmn';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

export class MockService {
  readonly app: Hono = new Hono();
  readonly asked: Asked[] = [];
  world: World;
  /** What goes wrong next: thrown by the first request whose method and path match. */
  failures: { readonly match: RegExp; readonly status: number; readonly error: HermeticError }[] = [];
  /** Of the audit log. */
  intact: boolean = true;
  /** What the gates find in the next submission. */
  accepts: boolean = true;
  /** Whether another trainer's result became the head meanwhile. */
  outrun: boolean = false;
  /** Hash of the token that took the code. */
  codeUsedBy: string | undefined;
  /** Whose the trainer's token is. */
  trainer: string;
  readonly #listeners: Set<ReadableStreamDefaultController<Uint8Array>> = new Set();
  #uploads: Map<string, { received: number; bytes: number }> = new Map();

  constructor(world: World, trainer?: Party) {
    this.world = world;
    this.trainer = trainer?.id ?? world.parties[0]?.id ?? '';
    this.app.use('*', async (context, next) => {
      const { method } = context.req;
      const path = new URL(context.req.url).pathname;
      const type = context.req.header('content-type') ?? '';
      const body: unknown = type.startsWith('application/json') ? await context.req.json() : undefined;
      this.asked.push({ method, path, body });
      const failure = this.failures.find(({ match }) => match.test(`${method} ${path}`));
      if (failure !== undefined) {
        this.failures.splice(this.failures.indexOf(failure), 1);
        throw new HttpProblem(failure.status, failure.error);
      }
      const token = /^Bearer (.+)$/.exec(context.req.header('authorization') ?? '')?.[1];
      const isPublic = path === '/v1/health' || path === '/v1/invitations/accept';
      const known = token === OWNER_TOKEN || token === TRAINER_TOKEN || sha256Of(token ?? '') === this.codeUsedBy;
      if (!isPublic && !known) throw unknownToken();
      await next();
    });
    this.app.onError((error) => errorResponse(error));
    this.#owner();
    this.#trainer();
  }

  /** Tells all who listen that something changed. */
  emit(kind: 'run' | 'unlock' | 'model' | 'party' | 'network'): void {
    const event = schemas.eventSchema.parse({ kind, subject: kind, at: ago(0) });
    const text = new TextEncoder().encode(`event: ${kind}\ndata: ${JSON.stringify(event)}\n\n`);
    for (const listener of this.#listeners) listener.enqueue(text);
  }

  #listen(): Response {
    let mine: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        mine = controller;
        this.#listeners.add(controller);
      },
      cancel: () => {
        if (mine !== undefined) this.#listeners.delete(mine);
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  }

  /** What the last such request said. */
  bodyOf(method: string, path: string): unknown {
    return this.asked.findLast((one) => one.method === method && one.path === path)?.body;
  }

  fail(match: RegExp, status: number, error: HermeticError): void {
    this.failures.push({ match, status, error });
  }

  #owner(): void {
    const { app } = this;
    app.get('/v1/health', () => Response.json({ schema: 1, status: 'ok', service: 'owner', version: '0' }));
    app.get('/v1/overview', () => json(schemas.overviewSchema, this.#overview()));
    app.get('/v1/events', () => this.#listen());
    app.post('/v1/networks', async (context) =>
      json(schemas.networkSchema, this.#create(schemas.createNetworkSchema.parse(await context.req.json()).name)),
    );
    app.get('/v1/networks/:id/lineage', (context) =>
      json(schemas.lineageSchema, this.#lineage(context.req.param('id'))),
    );
    app.patch('/v1/networks/:id', async (context) => {
      const { gates } = (await context.req.json()) as { gates: unknown };
      return json(
        schemas.networkSchema,
        this.#change('networks', context.req.param('id'), { gates: schemas.gatesSchema.parse(gates) }),
      );
    });
    app.post('/v1/invitations', async (context) => {
      const {
        name,
        networkId,
        refreshBudget = 500,
        unlocks,
      } = schemas.invitationRequestSchema.parse(await context.req.json());
      const party: Party = {
        id: hex(`party ${name}`),
        name,
        role: 'trainer',
        networkId,
        createdAt: ago(0),
        expiresAt: ago(-43_200),
        keyId: hex(name),
        refreshes: { used: 0, budget: refreshBudget },
        ...(unlocks && { unlocks: { rows: 0, policy: unlocks } }),
      };
      this.world.parties.push(party);
      this.#giveKey(party);
      return json(schemas.invitationSchema, {
        partyId: party.id,
        code: CODE,
        url: `${new URL(context.req.url).origin}/#/join/${CODE}`,
        expiresAt: ago(-43_200),
      });
    });
    app.delete('/v1/parties/:id', (context) =>
      json(schemas.partySchema, this.#change('parties', context.req.param('id'), { revokedAt: ago(0) })),
    );
    app.post('/v1/parties/:id/rekey', (context) => {
      const { keyId } = this.#party(context.req.param('id'));
      this.world.keys = this.world.keys.map((key) => (key.id === keyId ? { ...key, retiredAt: ago(0) } : key));
      const party = this.#change('parties', context.req.param('id'), { keyId: hex(`fresh ${Date.now()}`) });
      this.#giveKey(party);
      return json(schemas.partySchema, party);
    });
    app.post('/v1/keys/:id/give-up', (context) =>
      json(schemas.keySchema, this.#change('keys', context.req.param('id'), { givenUpAt: ago(0) })),
    );
    app.get('/v1/parties/:id/runs/:run', (context) => {
      const { id: partyId, run: id } = context.req.param();
      const run = this.world.runs.find((one) => one.partyId === partyId && one.id === id);
      if (run === undefined) throw notFound();
      return json(schemas.runHistorySchema, { run, samples: this.world.histories.get(`${partyId}/${id}`) ?? [] });
    });
    app.patch('/v1/parties/:id', async (context) => {
      const party = this.#party(context.req.param('id'));
      const { refreshBudget, unlocks } = (await context.req.json()) as { refreshBudget?: number; unlocks?: unknown };
      return json(
        schemas.partySchema,
        this.#change('parties', party.id, {
          ...(refreshBudget !== undefined && { refreshes: { ...party.refreshes, budget: refreshBudget } }),
          ...(unlocks !== undefined && {
            unlocks: { rows: party.unlocks?.rows ?? 0, policy: schemas.unlockPolicySchema.parse(unlocks) },
          }),
        }),
      );
    });
    app.get('/v1/models/:id/file', (context) => binary(this.#model(context.req.param('id')).bytes));
    app.post('/v1/models/:id/open', () => binary(128_356));
    for (const [verb, status] of [
      ['approve', 'answered'],
      ['deny', 'denied'],
    ] as const) {
      app.post(`/v1/unlocks/:id/${verb}`, async (context) => {
        const { reason } = schemas.decisionSchema.parse(await context.req.json());
        appendAudit(this.world.audit, 'owner', 'unlock', context.req.param('id'), { status });
        return json(
          schemas.unlockSchema,
          this.#change('unlocks', context.req.param('id'), {
            status,
            decidedAt: ago(0),
            ...(reason !== undefined && { reason }),
            ...(status === 'answered' && { answers: this.#answers(context.req.param('id')) }),
          }),
        );
      });
    }
    app.get('/v1/audit', (context) =>
      json(schemas.auditPageSchema, this.#audit(new URL(context.req.url).searchParams)),
    );
  }

  #trainer(): void {
    const { app } = this;
    app.post('/v1/invitations/accept', async (context) => {
      const { code, tokenHash } = schemas.acceptRequestSchema.parse(await context.req.json());
      if (code !== CODE || (this.codeUsedBy ?? tokenHash) !== tokenHash)
        throw new HttpProblem(
          403,
          new HermeticError('POLICY_DENIED', 'this invitation is unknown or was accepted already', {
            mend: 'A link works once, and for a week at most. Ask the owner for another one.',
          }),
        );
      this.codeUsedBy = tokenHash;
      return json(schemas.acceptedSchema, { party: this.#party(this.trainer) });
    });
    app.get('/v1/me', () => json(schemas.meSchema, this.#me()));
    app.post('/v1/uploads', async (context) => {
      const { bytes, sha256 } = schemas.uploadRequestSchema.parse(await context.req.json());
      const id = sha256.slice(0, 32);
      this.#uploads.set(id, { received: 0, bytes });
      return json(schemas.uploadSchema, { id, received: 0, bytes, state: 'open' });
    });
    app.get('/v1/uploads/:id', (context) => this.#upload(context.req.param('id'), 0));
    app.patch('/v1/uploads/:id', async (context) =>
      this.#upload(context.req.param('id'), (await context.req.arrayBuffer()).byteLength),
    );
    app.post('/v1/submissions', async (context) => {
      const { record } = schemas.submissionRequestSchema.parse(await context.req.json());
      return json(
        schemas.modelSchema,
        this.#submit(JSON.parse(record) as { model: string; steps: number; rows: number }),
      );
    });
    app.post('/v1/unlocks', async (context) => {
      const { rows } = schemas.unlockRequestSchema.parse(await context.req.json());
      const party = this.#party(this.trainer);
      const view = {
        id: hex(`unlock ${this.world.unlocks.length}${Date.now()}`),
        partyId: party.id,
        networkId: party.networkId ?? '',
        keyId: party.keyId ?? '',
        createdAt: ago(0),
        rows: rows.length,
        status: 'pending' as const,
      };
      this.world.unlocks.push(view);
      return json(schemas.unlockSchema, view);
    });
    app.get('/v1/unlocks/:id', (context) =>
      json(schemas.unlockSchema, found(this.world.unlocks, context.req.param('id'))),
    );
  }

  #audit(query: URLSearchParams): AuditPage {
    const { audit, models, parties, unlocks } = this.world;
    const [after, before, limit] = [
      ['after', 0],
      ['before', Number.POSITIVE_INFINITY],
      ['limit', 100],
    ].map(([name, otherwise]) => Number(query.get(`${name}`) ?? otherwise));
    const network = query.get('network');
    const of = [...models, ...parties, ...unlocks].filter(({ networkId }) => networkId === network).map(({ id }) => id);
    const matching = audit
      .filter(
        ({ actor, action }) => (query.get('actor') ?? actor) === actor && (query.get('action') ?? action) === action,
      )
      .filter(
        ({ subject, details }) =>
          network === null || [network, ...of].some((id) => id === subject || id === details.party),
      );
    const rest = matching.filter(({ seq }) => seq > after && seq < before);
    if (query.get('order') === 'newest') rest.reverse();
    const entries = rest.slice(0, limit);
    const { seq = 0, hash = '0'.repeat(64) } = audit.at(-1) ?? {};
    return {
      entries,
      matching: matching.length,
      intact: this.intact,
      end: { seq, hash },
      actors: [...new Set(audit.map(({ actor }) => actor))].sort(),
      actions: [...new Set(audit.map(({ action }) => action))].sort(),
      ...(rest.length > limit && { next: entries.at(-1)?.seq }),
    };
  }

  #giveKey({ id: partyId, networkId = '', keyId = '' }: Party): void {
    const bits = { used: 0, left: 517, limit: 517 };
    this.world.keys.push({ id: keyId, networkId, partyId, createdAt: ago(0), bits });
  }

  #overview(): Overview {
    const { networks, parties, runs, unlocks, keys } = this.world;
    return {
      version: '0.1.0',
      networks,
      heads: networks.map(({ headId }) => this.#model(headId)),
      parties,
      keys: keys.filter(({ partyId, retiredAt }) => partyId !== undefined && retiredAt === undefined),
      runs,
      pendingUnlocks: unlocks.filter(({ status }) => status === 'pending'),
      storage: { blobs: this.world.models.length + 12, bytes: 1_204_000_000 },
    };
  }

  #lineage(id: string): Lineage {
    const { models, parties } = this.world;
    return {
      network: found(this.world.networks, id),
      models: models.filter(({ networkId }) => networkId === id),
      parties: parties.filter(({ networkId }) => networkId === id),
      keys: this.world.keys.filter(({ networkId }) => networkId === id),
    };
  }

  #me(): Me {
    const party = this.#party(this.trainer);
    const network = found(this.world.networks, party.networkId ?? '');
    const model =
      this.world.models.findLast(({ partyId, status }) => partyId === party.id && status === 'sealed') ??
      found(this.world.models, network.headId);
    const { accuracy: _, loss: __, ...withoutFigures } = model;
    return {
      party,
      network,
      model: withoutFigures,
      files: {
        keys: { bytes: 149_800_000, sha256: hex('keys file', 64) },
        model: { bytes: model.bytes, sha256: model.sha256 },
      },
      recipe: { steps: 12, learningRate: 0.012, momentum: 0.9, batch: 512 },
    };
  }

  #create(name: string): ServedNetwork {
    const id = hex(`network ${name}`);
    const first: ServedModel = {
      id: hex(`first ${name}`),
      networkId: id,
      keyId: hex(`key ${name}`),
      status: 'sealed',
      createdAt: ago(0),
      round: 0,
      bytes: 400_000,
      sha256: hex(`file ${name}`, 64),
      gates: [],
    };
    const network: ServedNetwork = {
      id,
      name,
      createdAt: ago(0),
      layers: [
        { inputs: 3, units: 8, activation: 'square', useBias: true },
        { inputs: 8, units: 1, activation: 'lin4', useBias: true },
      ],
      weights: 41,
      set: 'L14',
      securityBits: 128,
      gates: {},
      heldOutRows: 0,
      headId: first.id,
      models: 1,
      parties: 0,
    };
    this.world.models.push(first);
    this.world.networks.push(network);
    appendAudit(this.world.audit, 'owner', 'create', id, { set: 'L14' });
    return network;
  }

  #submit({ model: id, steps, rows }: { model: string; steps: number; rows: number }): ServedModel {
    const me = this.#me();
    // A trainer learns of each gate whether it was passed, and no figure.
    const detail = this.accepts ? 'passed' : 'not passed; the owner knows by how much';
    const model: ServedModel = {
      ...me.model,
      id,
      parentId: me.model.id,
      partyId: me.party.id,
      status: this.accepts ? 'accepted' : 'refused',
      createdAt: ago(0),
      round: me.model.round + 1,
      steps,
      rows,
      gates: [
        { gate: 'record', passed: true, detail: 'signed by this party' },
        { gate: 'accuracyDrop', passed: this.accepts, detail },
      ],
    };
    this.world.models.push(model);
    if (this.accepts && !this.outrun) this.#change('networks', me.network.id, { headId: id });
    return model;
  }

  #upload(id: string, more: number): Response {
    const upload = this.#uploads.get(id);
    if (upload === undefined) throw notFound();
    upload.received += more;
    return json(schemas.uploadSchema, { id, ...upload, state: upload.received === upload.bytes ? 'complete' : 'open' });
  }

  #answers(id: string): { row: number; label: number }[] {
    return Array.from({ length: found(this.world.unlocks, id).rows }, (_, row) => ({ row, label: row % 2 }));
  }

  #party(id: string): Party {
    return found(this.world.parties, id);
  }

  #model(id: string): ServedModel {
    return found(this.world.models, id);
  }

  #change<K extends 'networks' | 'parties' | 'unlocks'>(
    kind: K,
    id: string,
    change: Partial<World[K][number]>,
  ): World[K][number] {
    const list = this.world[kind] as World[K][number][];
    const index = list.findIndex((item) => item.id === id);
    if (index < 0) throw notFound();
    list[index] = { ...list[index], ...change };
    return list[index];
  }
}

function found<T extends { readonly id: string }>(list: readonly T[], id: string): T {
  const item = list.find((entry) => entry.id === id);
  if (item === undefined) throw notFound();
  return item;
}

function notFound(): HttpProblem {
  return new HttpProblem(
    404,
    new HermeticError('BAD_ARGUMENT', 'there is no such thing', { mend: 'Go back to the overview.' }),
  );
}

function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function unknownToken(): HttpProblem {
  return new HttpProblem(
    401,
    new HermeticError('POLICY_DENIED', 'the token is missing or unknown', { mend: 'Sign in again.' }),
  );
}

function json<T>(schema: z.ZodType<T>, value: T): Response {
  return Response.json(schema.parse(value));
}

function binary(bytes: number): Response {
  return new Response(new Uint8Array(bytes), {
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(bytes) },
  });
}
