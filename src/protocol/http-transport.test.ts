import { describe, expect, it } from 'vitest';
import { HermeticError } from '../base/errors.ts';
import { type HttpTransportOptions, httpTransport } from './http-transport.ts';
import { RefreshUnavailable } from './refresh-transport.ts';

const never = new AbortController().signal;
const request = Uint8Array.of(1, 2, 3);
const errorBody = (message: unknown) => JSON.stringify({ schema: 1, error: { code: 'X', message } });

type Answer = (url: URL, init: RequestInit) => Response | Promise<Response>;

function transport(answer: Answer, options: Partial<HttpTransportOptions> = {}) {
  const fake = (async (url: URL, init: RequestInit) => answer(url, init)) as typeof fetch;
  return httpTransport({ url: 'http://127.0.0.1:7700', token: 'secret-token', fetch: fake, ...options });
}

async function failure(answer: Answer, options: Partial<HttpTransportOptions> = {}): Promise<HermeticError> {
  const error = await transport(answer, options)(request, { maxResponseBytes: 10, signal: never }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof HermeticError)) throw new Error('expected a HermeticError');
  expect(error.message).not.toContain('secret-token');
  return error;
}

describe('the HTTP transport', () => {
  it('posts the bytes with the token and returns the answer', async () => {
    const seen: [string, RequestInit][] = [];
    const send = transport(
      (url, init) => {
        seen.push([url.href, init]);
        return new Response(Uint8Array.of(9, 8));
      },
      { url: 'http://127.0.0.1:7700/owner', token: ' secret-token\n' },
    );
    expect(await send(request, { maxResponseBytes: 10, signal: never })).toEqual(Uint8Array.of(9, 8));
    const [[url, init]] = seen;
    expect(url).toBe('http://127.0.0.1:7700/owner/v1/refresh');
    expect(init).toMatchObject({ method: 'POST', redirect: 'manual', body: request });
    expect(init.headers).toEqual({
      authorization: 'Bearer secret-token',
      'content-type': 'application/octet-stream',
    });
  });

  it.each([
    [401, 'POLICY_DENIED', /token/],
    [403, 'POLICY_DENIED', /refused the call.*"no more"/],
    [409, 'WRONG_KEY', /another key/],
    [404, 'REFRESH_FAILED', /as no refresh server does/],
    [302, 'REFRESH_FAILED', /as no refresh server does/],
    [204, 'REFRESH_FAILED', /as no refresh server does/],
  ])('gives up on status %i', async (status, code, words) => {
    const error = await failure(() => new Response(status === 204 ? null : errorBody('no more'), { status }));
    expect(error.code).toBe(code);
    expect(error).not.toBeInstanceOf(RefreshUnavailable);
    expect(error.message).toMatch(words);
    expect(error.mend).toBeDefined();
  });

  it.each([400, 429, 500, 502, 503])('calls status %i a failure that may pass', async (status) => {
    expect(await failure(() => new Response(errorBody('busy'), { status }))).toBeInstanceOf(RefreshUnavailable);
  });

  it('calls a dead or silent server a failure that may pass', async () => {
    const dead = await failure(() => {
      throw new TypeError('fetch failed');
    });
    expect(dead).toBeInstanceOf(RefreshUnavailable);
    expect(dead.message).toContain('127.0.0.1:7700 cannot be reached');
    const silent = await failure(
      (_, { signal }) =>
        new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason));
        }),
      { timeoutMs: 20 },
    );
    expect(silent).toBeInstanceOf(RefreshUnavailable);
    expect(silent.message).toContain('within 0.02 s');
  });

  it('reads no more than it must', async () => {
    await expect(
      transport(() => new Response(new Uint8Array(11)))(request, { maxResponseBytes: 10, signal: never }),
    ).rejects.toMatchObject({ code: 'BAD_FILE' });
  });

  it('lets no server paint the terminal', async () => {
    const error = await failure(() => new Response(errorBody('\u001b[31mred\u0007\n'.repeat(200)), { status: 403 }));
    expect([...error.message].every((letter) => letter >= ' ' && letter !== '\u007f')).toBe(true);
    expect(error.message.length).toBeLessThan(450);
    for (const body of ['nonsense', '[]', 'null', errorBody(7), '{"error":null}', 'x'.repeat(20_000)]) {
      expect((await failure(() => new Response(body, { status: 403 }))).got).toBeUndefined();
    }
  });

  it('refuses addresses and tokens that cannot be', () => {
    const make = (options: Partial<HttpTransportOptions>) => () => transport(() => new Response(), options);
    for (const url of ['', 'here', 'ftp://x', 'file:///etc', 'http://a:b@host'])
      expect(make({ url })).toThrow(/address/);
    for (const token of ['', ' ', 'two words', 'line\nbreak', 'ü', 'x'.repeat(5000)]) {
      expect(make({ token })).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
    }
  });

  it('warns when others can read the token', () => {
    const warnings: string[] = [];
    const onWarning = (message: string) => warnings.push(message);
    for (const url of ['http://localhost:1', 'http://127.0.0.1', 'http://[::1]:1', 'https://owner.example']) {
      transport(() => new Response(), { url, onWarning });
    }
    expect(warnings).toEqual([]);
    transport(() => new Response(), { url: 'http://owner.example', onWarning });
    expect(warnings).toHaveLength(1);
  });
});
