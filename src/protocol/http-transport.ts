/** Refresh messages over HTTP: one POST each, with a bearer token, never following a redirect. */
import { checkInteger } from '../base/checks.ts';
import { HermeticError, type HermeticErrorCode } from '../base/errors.ts';
import { readAll, streamSource } from './byte-source.ts';
import { RESUME, type RefreshTransport, RefreshUnavailable, type SendOptions } from './refresh-transport.ts';
import { addressBelow, exposureOf, parseBearerToken, parseServerAddress, printable } from './server-address.ts';

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
  const base = parseServerAddress(options.url, 'Give --refresh the address that `hermetic serve` printed.');
  const headers = {
    authorization: `Bearer ${parseBearerToken(options.token)}`,
    'content-type': 'application/octet-stream',
  };
  const exposure = exposureOf(base);
  if (exposure !== undefined) onWarning(exposure);
  const address = addressBelow(base, 'v1/refresh');
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
    // What the server says of it is the same sentence once more.
    return new HermeticError('POLICY_DENIED', "the owner's server does not know the token", {
      mend: 'Check --token-file.',
    });
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

/** The server's own words, where its answer has any. */
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

function unavailable(error: unknown, base: URL, timeoutMs: number): RefreshUnavailable {
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return new RefreshUnavailable(`the owner's server did not answer within ${timeoutMs / 1000} s`, error);
  }
  return new RefreshUnavailable(`the owner's server at ${base.host} cannot be reached`, error);
}
