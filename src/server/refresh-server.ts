/**
 * Blinded refreshes over HTTP: `POST /v1/refresh` takes and gives the binary messages of the protocol, `GET /v1/health`
 * says that someone is there. Whoever calls is known by a bearer token, of which only the hash is kept. Errors are
 * JSON: `{ "schema": 1, "error": { "code", "message", "expected", "got", "mend" } }`.
 */
import { type Context, Hono } from 'hono';
import { sha256, utf8ToBytes } from '../base/bytes.ts';
import { checkBytes, checkInteger } from '../base/checks.ts';
import { HermeticError } from '../base/errors.ts';
import type { RefreshService } from '../owner/refresh-service.ts';
import { readAll, streamSource } from '../protocol/byte-source.ts';
import { errorResponse, HttpProblem } from './error-response.ts';

/** Someone who holds a token. */
export interface Party {
  /** Name in the owner's books and logs. */
  readonly name: string;
  /** `hashToken` of the token, 32 bytes. */
  readonly tokenHash: Uint8Array;
}

export interface RefreshServerOptions {
  readonly parties: readonly Party[];
  /** Requests held in memory at once; more are told to come back. Default 4. */
  readonly maxConcurrent?: number;
}

/** What a server keeps of a token: SHA-256 of it, after white space around it is gone. */
export async function hashToken(token: string): Promise<Uint8Array> {
  return sha256(utf8ToBytes(token.trim()));
}

/** The HTTP application; `listen` of `node/listener.ts` gives it a port, `app.request` serves tests. */
export function createRefreshServer(
  service: Pick<RefreshService, 'answer' | 'maxRequestBytes'>,
  options: RefreshServerOptions,
): Hono {
  const parties = options.parties.map(({ name, tokenHash }) => ({
    name,
    tokenHash: checkBytes('token', tokenHash, 32),
  }));
  const maxConcurrent = checkInteger('maxConcurrent', options.maxConcurrent ?? 4, 1, 1024);
  let busy = 0;
  const app = new Hono();
  app.get('/v1/health', (context) => context.json({ schema: 1, status: 'ok', service: 'refresh' }));
  app.post('/v1/refresh', async (context) => {
    const party = await authenticate(context, parties);
    if (busy >= maxConcurrent) throw new HttpProblem(503, tooBusy());
    busy++;
    try {
      const request = await readBody(context, service.maxRequestBytes);
      const response = await service.answer(party, request);
      return context.body(response as Uint8Array<ArrayBuffer>, 200, BINARY_HEADERS);
    } finally {
      busy--;
    }
  });
  app.notFound(() => errorResponse(new HttpProblem(404, notFound())));
  app.onError((error) => errorResponse(error));
  return app;
}

const BINARY = 'application/octet-stream';
const BINARY_HEADERS: Record<string, string> = { 'content-type': BINARY, 'cache-control': 'no-store' };

/** The party whose token came with the request. Hashes are compared in full, with all parties, whatever is found. */
async function authenticate(context: Context, parties: readonly Party[]): Promise<string> {
  const [, token = ''] = /^Bearer +(\S.*)$/i.exec(context.req.header('authorization') ?? '') ?? [];
  const hash = await hashToken(token);
  let found: string | undefined;
  for (const party of parties) {
    let difference = 0;
    for (let i = 0; i < hash.length; i++) difference |= hash[i] ^ party.tokenHash[i];
    if (difference === 0) found = party.name;
  }
  if (token === '' || found === undefined) throw new HttpProblem(401, wrongToken());
  return found;
}

/** The whole body, of at most `maxBytes`: a longer one is refused by its announced length, or when it gets there. */
async function readBody(context: Context, maxBytes: number): Promise<Uint8Array> {
  const type = context.req.header('content-type') ?? '';
  if (type.split(';')[0].trim().toLowerCase() !== BINARY) throw new HttpProblem(415, wrongType());
  const announced = context.req.header('content-length');
  const size = announced === undefined ? undefined : Number(announced);
  if (size !== undefined && !Number.isSafeInteger(size)) throw new HttpProblem(400, tooLarge(maxBytes));
  if (size !== undefined && size > maxBytes) throw new HttpProblem(413, tooLarge(maxBytes));
  const { body } = context.req.raw;
  if (body === null) return new Uint8Array(0);
  return readAll(streamSource(body, { maxBytes, ...(size === undefined ? {} : { size }) }), maxBytes);
}

function wrongToken(): HermeticError {
  return new HermeticError('POLICY_DENIED', 'the token is missing or unknown', {
    mend: 'Send the token that the owner handed out: --token-file.',
  });
}

function wrongType(): HermeticError {
  return new HermeticError('BAD_ARGUMENT', 'this is not a binary message', { expected: BINARY });
}

function tooLarge(maxBytes: number): HermeticError {
  return new HermeticError('BAD_ARGUMENT', 'the request is too long', { expected: `at most ${maxBytes} bytes` });
}

function tooBusy(): HermeticError {
  return new HermeticError('REFRESH_FAILED', 'too many requests at once', { mend: 'Send it again in a moment.' });
}

function notFound(): HermeticError {
  return new HermeticError('BAD_ARGUMENT', 'there is nothing here', {
    expected: 'POST /v1/refresh or GET /v1/health',
  });
}
