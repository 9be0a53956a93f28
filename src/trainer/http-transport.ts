/** Refresh messages over HTTP: one POST each, with a bearer token, never following a redirect. */
import { checkInteger } from '../base/checks.ts';
import { HermeticError, type HermeticErrorCode } from '../base/errors.ts';
import { readAll, streamSource } from '../protocol/byte-source.ts';
import { RESUME, type RefreshTransport, RefreshUnavailable, type SendOptions } from './refresh-transport.ts';

export interface HttpTransportOptions {
  /** Base address of the owner's server, http://127.0.0.1:7700 for example. */
  readonly url: string;
  readonly token: string;
  /** Time for one attempt, the owner's work included. Default two minutes. */
  readonly timeoutMs?: number;
  /** Default: the platform's. */
  readonly fetch?: typeof fetch;
  /** Called with a sentence where the token would travel in the clear. Default: `console.warn`. */
  readonly onWarning?: (message: string) => void;
}

const MAX_ERROR_BYTES = 16384;

/** @throws HermeticError BAD_ARGUMENT for an address or a token that cannot be used */
export function httpTransport(options: HttpTransportOptions): RefreshTransport {
  const { timeoutMs = 120_000, fetch: send = fetch, onWarning = console.warn } = options;
  checkInteger('timeoutMs', timeoutMs, 1, 2 ** 31 - 1);
  const base = parseAddress(options.url);
  const headers = { authorization: `Bearer ${parseToken(options.token)}`, 'content-type': 'application/octet-stream' };
  if (base.protocol === 'http:' && !isLoopback(base.hostname)) {
    onWarning(`the token travels unencrypted to ${base.host}: use https where others can listen`);
  }
  const address = new URL('v1/refresh', base.href.endsWith('/') ? base : `${base.href}/`);
  return async (request, { maxResponseBytes, signal }: SendOptions) => {
    // Not AbortSignal.any with AbortSignal.timeout: on Node 20 the pair can be collected before it fires.
    const attempt = new AbortController();
    const stop = () => attempt.abort(signal.reason);
    const timer = setTimeout(() => attempt.abort(new DOMException('too slow', 'TimeoutError')), timeoutMs);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      const body = request as Uint8Array<ArrayBuffer>;
      const init = { method: 'POST', headers, body, redirect: 'manual', signal: attempt.signal } as const;
      const response = await send(address, init);
      if (response.status !== 200) throw await problemOf(response, base);
      return await readResponse(response, maxResponseBytes);
    } catch (error) {
      if (error instanceof HermeticError) throw error;
      throw unavailable(error, base, timeoutMs);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  };
}

function parseAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return url;
  throw new HermeticError('BAD_ARGUMENT', 'the address of the owner cannot be used', {
    expected: 'http://HOST:PORT or https://HOST:PORT',
    mend: 'Give --refresh the address that `hermetic serve` printed.',
  });
}

/** What may stand in a header; never shown. */
function parseToken(token: string): string {
  const trimmed = token.trim();
  if (/^[\x21-\x7e]{1,4096}$/.test(trimmed)) return trimmed;
  throw new HermeticError('BAD_ARGUMENT', 'the token cannot be used', {
    expected: 'one line of 1 to 4096 printable characters without spaces',
    mend: 'Copy the token file anew from the owner.',
  });
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

async function readResponse(response: Response, maxBytes: number): Promise<Uint8Array> {
  if (response.body === null) throw new RefreshUnavailable("the owner's server sent an empty answer");
  return readAll(streamSource(response.body, { maxBytes }), maxBytes);
}

/** What a status other than 200 means. */
async function problemOf(response: Response, base: URL): Promise<HermeticError> {
  const { status } = response;
  const said = await serverMessage(response);
  const details = said === undefined ? {} : { got: `"${said}"` };
  const failed = (code: HermeticErrorCode, summary: string, mend: string) =>
    new HermeticError(code, summary, { ...details, mend });
  if (status === 401) {
    return failed('POLICY_DENIED', "the owner's server does not know the token", 'Check --token-file.');
  }
  if (status === 403) return failed('POLICY_DENIED', "the owner's server refused the call", 'Ask the owner.');
  if (status === 409) {
    return failed(
      'WRONG_KEY',
      "the owner's server holds another key",
      'Name the owner of this model with --refresh, or use the model and keys of this owner.',
    );
  }
  if (status === 400 || status === 429 || status >= 500) {
    return new RefreshUnavailable(`the owner's server answered ${status}${said === undefined ? '' : ` ("${said}")`}`);
  }
  return failed('REFRESH_FAILED', `${base.host} answered ${status}, as no refresh server does`, RESUME);
}

/** The server's own words, fit for a terminal: it may lie, and must not paint the screen. */
async function serverMessage(response: Response): Promise<string | undefined> {
  try {
    if (response.body === null) return undefined;
    const bytes = await readAll(streamSource(response.body, { maxBytes: MAX_ERROR_BYTES }), MAX_ERROR_BYTES);
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof value !== 'object' || value === null || !('error' in value)) return undefined;
    const { error } = value;
    if (typeof error !== 'object' || error === null || !('message' in error)) return undefined;
    return typeof error.message === 'string' ? printable(error.message) : undefined;
  } catch {
    return undefined;
  }
}

function printable(text: string): string {
  const clean = text.replaceAll(/[^\x20-\x7e\u00a0-\u024f\u2010-\u2026]+/g, ' ').trim();
  return clean.length <= 300 ? clean : `${clean.slice(0, 299)}…`;
}

function unavailable(error: unknown, base: URL, timeoutMs: number): RefreshUnavailable {
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return new RefreshUnavailable(`the owner's server did not answer within ${timeoutMs / 1000} s`, error);
  }
  return new RefreshUnavailable(`the owner's server at ${base.host} cannot be reached`, error);
}
