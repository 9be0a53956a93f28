import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { HermeticError } from '../base/errors.ts';
import type { ServiceEvent } from '../protocol/service/types.ts';
import type { ConnectionOptions } from './connection.ts';
import { ServiceClient } from './service-client.ts';
import { ServiceRefusal, ServiceUnavailable } from './service-error.ts';
import { hashOfToken } from './token.ts';

const ID = '0123456789abcdef';
const NOW = '2030-01-02T03:04:05.678Z';
const party = { id: ID, name: 'Ada', role: 'trainer', createdAt: NOW, refreshes: { used: 1, budget: 9 } } as const;
const run = {
  id: 'r1',
  partyId: ID,
  networkId: ID,
  step: 1,
  steps: 2,
  rowsPerSecond: 3,
  startedAt: NOW,
  lastSeenAt: NOW,
  state: 'running',
} as const;

/** A client of an application that runs in this process. */
function clientOf(app: Hono, options: Partial<ConnectionOptions> = {}): ServiceClient {
  const send = ((url: URL, init: RequestInit) => app.request(url.href, init)) as typeof fetch;
  return new ServiceClient({
    url: 'http://localhost:7700',
    token: 'the-token',
    fetch: send,
    retryDelayMs: 1,
    ...options,
  });
}

function refusal(status: number, code: string, message: string, rest: Record<string, string> = {}): Response {
  return Response.json({ schema: 1, error: { code, message, ...rest } }, { status });
}

async function failureOf(promise: Promise<unknown>): Promise<HermeticError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof HermeticError)) throw new Error(`expected a HermeticError, got ${String(error)}`);
  return error;
}

describe('calls', () => {
  it('carry the token, the body and the path of the contract, and give typed answers', async () => {
    const seen: string[] = [];
    const app = new Hono().all('*', async (context) => {
      const { method, url } = context.req;
      const body = await context.req.text();
      seen.push(`${method} ${new URL(url).pathname} ${body} ${context.req.header('authorization')}`);
      return context.json(method === 'PUT' ? run : party);
    });
    const client = clientOf(app, { url: 'http://localhost:7700/base' });
    expect(await client.revoke(ID)).toEqual(party);
    expect(await client.changeParty(ID, { hours: 3 })).toEqual(party);
    expect(await client.rekey(ID)).toEqual(party);
    expect(await client.reportProgress('a/b', { step: 1, steps: 2, rowsPerSecond: 3 })).toEqual(run);
    expect(seen).toEqual([
      `DELETE /base/v1/parties/${ID}  Bearer the-token`,
      `PATCH /base/v1/parties/${ID} {"hours":3} Bearer the-token`,
      `POST /base/v1/parties/${ID}/rekey {} Bearer the-token`,
      'PUT /base/v1/runs/a%2Fb {"step":1,"steps":2,"rowsPerSecond":3} Bearer the-token',
    ]);
  });

  it('ask for pages and states', async () => {
    const end = { seq: 0, hash: '0'.repeat(64) };
    const emptyLog = { entries: [], intact: true, matching: 0, end, actors: [], actions: [] };
    const seen: string[] = [];
    const app = new Hono()
      .get('/v1/audit', (context) => {
        seen.push(new URL(context.req.url).search);
        return context.json(emptyLog);
      })
      .get('/v1/unlocks', (context) => {
        seen.push(new URL(context.req.url).search);
        return context.json({ unlocks: [] });
      });
    const client = clientOf(app);
    await client.audit();
    await client.audit({ after: 7, limit: 2 });
    await client.audit({ order: 'newest', actor: 'Ada & Co', network: undefined });
    expect(await client.unlocks('pending')).toEqual([]);
    expect(seen).toEqual(['', '?after=7&limit=2', '?order=newest&actor=Ada+%26+Co', '?status=pending']);
  });

  it('refuse answers that are not of the contract', async () => {
    const app = new Hono().get('/v1/me', (context) => context.json({ ...party, extra: 1 }));
    expect(await failureOf(clientOf(app).me())).toMatchObject({ code: 'REFRESH_FAILED' });
    const text = new Hono().get('/v1/me', (context) => context.text('<html>'));
    expect((await failureOf(clientOf(text).me())).message).toContain('v1/me');
  });

  it('follow no redirect', async () => {
    const app = new Hono().get('/v1/me', (context) => context.redirect('http://elsewhere/'));
    const error = await failureOf(clientOf(app).me());
    expect(error).toMatchObject({ code: 'REFRESH_FAILED', status: 302 });
  });
});

describe('an acceptance', () => {
  it('whose answer is lost is made again, with the same token, of which only the hash is sent', async () => {
    const bodies: Record<string, string>[] = [];
    const app = new Hono().post('/v1/invitations/accept', async (context) => {
      bodies.push(await context.req.json());
      if (bodies.length < 3) throw new TypeError('the connection broke');
      return context.json({ party });
    });
    app.onError((error) => {
      throw error;
    });
    const client = clientOf(app);
    const { token, party: joined } = await client.acceptInvitation({ code: 'c'.repeat(43) });
    expect([joined, bodies.length]).toEqual([party, 3]);
    expect(bodies).toEqual(Array(3).fill({ code: 'c'.repeat(43), tokenHash: await hashOfToken(token) }));
    expect(JSON.stringify(bodies)).not.toContain(token);
    expect(await client.acceptInvitation({ code: 'c'.repeat(43), token })).toEqual({ token, party });
    expect(bodies[3]).toEqual(bodies[0]);
    expect((await client.acceptInvitation({ code: 'c'.repeat(43) })).token).not.toBe(token);
  });
});

describe('errors of the service', () => {
  it('come with code, status, what was expected, and the mend', async () => {
    const app = new Hono().get('/v1/me', () =>
      refusal(403, 'POLICY_DENIED', 'no more; expected less; got 9. Ask the owner.', {
        expected: 'less',
        got: '9',
        mend: 'Ask the owner.',
      }),
    );
    const error = await failureOf(clientOf(app).me());
    expect(error).toBeInstanceOf(ServiceRefusal);
    expect(error).toMatchObject({ status: 403, code: 'POLICY_DENIED', expected: 'less', got: '9' });
    expect(error.message).toBe('no more; expected less; got 9. Ask the owner.');
  });

  it('paint no terminal, and an unknown code becomes a known one', async () => {
    const app = new Hono().get('/v1/me', () => refusal(500, 'INTERNAL', `\u001b[31m${'red '.repeat(500)}`));
    const error = await failureOf(clientOf(app).me());
    expect(error.code).toBe('REFRESH_FAILED');
    expect([...error.message].every((letter) => letter >= ' ' && letter !== '\u007f')).toBe(true);
    expect(error.message.length).toBeLessThan(400);
  });

  it('never show the token', async () => {
    const app = new Hono().get('/v1/me', () => refusal(401, 'POLICY_DENIED', 'unknown token'));
    expect((await failureOf(clientOf(app).me())).message).not.toContain('the-token');
    expect(() => clientOf(app, { token: 'two words' })).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
    expect(() => clientOf(app, { url: 'ftp://x' })).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
  });

  it('warn where others can read the token', () => {
    const warnings: string[] = [];
    const onWarning = (message: string) => warnings.push(message);
    clientOf(new Hono(), { onWarning });
    clientOf(new Hono(), { url: 'https://owner.example', onWarning });
    expect(warnings).toEqual([]);
    clientOf(new Hono(), { url: 'http://owner.example', onWarning });
    expect(warnings).toHaveLength(1);
  });
});

describe('further attempts', () => {
  function failing(failures: number, fail: () => Response | Promise<never>) {
    let calls = 0;
    const app = new Hono().all('*', async (context) => (calls++ < failures ? fail() : context.json(party)));
    return { app, calls: () => calls };
  }
  const busy = () => new Response('', { status: 503, headers: { 'retry-after': '0' } });
  const dead: ConnectionOptions['fetch'] = async () => {
    throw new TypeError('fetch failed');
  };

  it('are made where the service is busy, and counted', async () => {
    const { app, calls } = failing(3, busy);
    const told: number[] = [];
    const client = clientOf(app, { onRetry: (attempt) => told.push(attempt) });
    expect(await client.revoke(ID)).toEqual(party);
    expect([calls(), told]).toEqual([4, [2, 3, 4]]);
    const gone = failing(9, busy);
    expect(await failureOf(clientOf(gone.app).revoke(ID))).toBeInstanceOf(ServiceUnavailable);
    expect(gone.calls()).toBe(5);
  });

  it('are made of a call that changes something only where it was not taken', async () => {
    const taken = failing(1, busy);
    expect(await clientOf(taken.app).rekey(ID)).toEqual(party);
    const bad = failing(1, () => new Response('', { status: 502 }));
    expect(await failureOf(clientOf(bad.app).rekey(ID))).toMatchObject({ status: 502 });
    expect(bad.calls()).toBe(1);
    let sent = 0;
    const count: ConnectionOptions['fetch'] = (...given) => {
      sent++;
      return dead(...given);
    };
    const error = await failureOf(clientOf(new Hono(), { fetch: count }).rekey(ID));
    expect([error.code, sent]).toEqual(['REFRESH_FAILED', 1]);
    await failureOf(clientOf(new Hono(), { fetch: count }).revoke(ID));
    expect(sent).toBe(6);
  });

  it('end when the user stops', async () => {
    const stop = new AbortController();
    const client = clientOf(failing(9, busy).app, { retryDelayMs: 60_000, onRetry: () => stop.abort() });
    expect(await failureOf(client.me({ signal: stop.signal }))).toMatchObject({ code: 'ABORTED' });
    expect(await failureOf(client.me({ signal: AbortSignal.abort() }))).toMatchObject({ code: 'ABORTED' });
  });

  it('follow a server that is silent', async () => {
    const silent = ((_: URL, { signal }: RequestInit) =>
      new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
      })) as typeof fetch;
    const client = clientOf(new Hono(), { fetch: silent, timeoutMs: 10, attempts: 2 });
    expect((await failureOf(client.me())).message).toContain('within 0.01 s');
  });
});

describe('events', () => {
  const event = (subject: string): ServiceEvent => ({ kind: 'model', subject, at: NOW });

  it('are read in whatever pieces they come, over connections that end', async () => {
    const stop = new AbortController();
    const lines = (subject: string) =>
      `: heartbeat\n\nevent: change\r\ndata: ${JSON.stringify(event(subject))}\r\n\r\n`;
    const pieces = [`${lines('a')}data: nonsense\n\n`, lines('b')];
    let opened = 0;
    const app = new Hono().get('/v1/events', () => {
      const text = new TextEncoder().encode(pieces[opened] ?? '');
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          for (let at = 0; at < text.length; at += 7) controller.enqueue(text.subarray(at, at + 7));
          controller.close();
        },
      });
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    });
    const seen: string[] = [];
    const onEvent = ({ subject }: ServiceEvent) => {
      seen.push(subject);
      if (subject === 'b') stop.abort();
    };
    await clientOf(app).events(onEvent, { signal: stop.signal, onOpen: () => opened++ });
    // The stream was made before `opened` counted it.
    expect([seen, opened]).toEqual([['a', 'b'], 2]);
  });

  it('begin anew where a stream says nothing any more', async () => {
    const stop = new AbortController();
    const app = new Hono().get('/v1/events', () => new Response(new ReadableStream<Uint8Array>()));
    let opened = 0;
    const onOpen = () => ++opened === 3 && stop.abort();
    await clientOf(app).events(() => {}, { signal: stop.signal, onOpen, idleMs: 10 });
    expect(opened).toBe(3);
  });

  it('end with a refusal', async () => {
    const app = new Hono().get('/v1/events', () => refusal(401, 'POLICY_DENIED', 'unknown token'));
    expect(await failureOf(clientOf(app).events(() => {}))).toMatchObject({ status: 401 });
  });
});
