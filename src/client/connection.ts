/**
 * Calls to the owner's service: a token, a time limit, and further attempts where a call can be made twice without harm.
 * A call that changes something is repeated only where the service itself says that it did not take it (429, 503).
 */
import { checkInteger } from '../base/checks.ts';
import { HermeticError } from '../base/errors.ts';
import { pause } from '../base/pause.ts';
import { addressBelow, exposureOf, parseBearerToken, parseServerAddress } from '../protocol/server-address.ts';
import { problemOf, ServiceUnavailable, unreachable } from './service-error.ts';

export interface ConnectionOptions {
  /** Base address of the owner's service, https://owner.example for example. */
  readonly url: string;
  /** Of the owner or of a trainer; without one, only what is public can be called. */
  readonly token?: string;
  /** Default: the platform's. */
  readonly fetch?: typeof fetch;
  /** Time for an attempt to be answered. Default two minutes. */
  readonly timeoutMs?: number;
  /** Attempts for a call. Default 5. */
  readonly attempts?: number;
  /** Pause before the second attempt, doubled before each further one. Default 500 ms. */
  readonly retryDelayMs?: number;
  /** Called before each further attempt. */
  readonly onRetry?: (attempt: number, error: HermeticError) => void;
  /** Called with a sentence where the token would travel in the clear. Default: `console.warn`. */
  readonly onWarning?: (message: string) => void;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the base address, without a leading slash. */
  readonly path: string;
  readonly json?: unknown;
  readonly body?: Uint8Array | Blob;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made twice, it does the same as once. */
  readonly repeatable: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Instead of the connection's. */
  readonly timeoutMs?: number;
  /** Statuses that are answers. Default 200. */
  readonly accept?: readonly number[];
  /** The body is read later: `signal` still stops it, the time limit does not. */
  readonly stream?: boolean;
}

export class Connection {
  readonly base: URL;
  readonly token: string | undefined;
  readonly send: typeof fetch;
  readonly attempts: number;
  readonly retryDelayMs: number;
  readonly #timeoutMs: number;
  readonly #onRetry: ConnectionOptions['onRetry'];

  /** @throws HermeticError BAD_ARGUMENT for an address or a token that cannot be used */
  constructor(options: ConnectionOptions) {
    const { fetch: send = (...given) => fetch(...given), onWarning = console.warn } = options;
    this.base = parseServerAddress(options.url, 'Give the address that `hermetic serve --store` printed.');
    this.token = options.token === undefined ? undefined : parseBearerToken(options.token);
    this.send = send;
    this.attempts = checkInteger('attempts', options.attempts ?? 5, 1, 100);
    this.retryDelayMs = checkInteger('retryDelayMs', options.retryDelayMs ?? 500, 0, 2 ** 20);
    this.#timeoutMs = checkInteger('timeoutMs', options.timeoutMs ?? 120_000, 1, 2 ** 31 - 1);
    this.#onRetry = options.onRetry;
    const exposure = this.token === undefined ? undefined : exposureOf(this.base);
    if (exposure !== undefined) onWarning(exposure);
  }

  /**
   * Calls, and calls again where that is safe, until `read` has the answer.
   * @throws ServiceRefusal; ServiceUnavailable after the last attempt; HermeticError ABORTED when the signal fires; what
   *   `read` throws, where it is a HermeticError
   */
  async call<T>(call: Call, read: (response: Response) => Promise<T>): Promise<T> {
    return this.persist(() => this.once(call, read), call);
  }

  /** Makes attempts until one succeeds, fails for good, or was the last. */
  async persist<T>(attempt: () => Promise<T>, { signal, repeatable }: Pick<Call, 'signal' | 'repeatable'>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await attempt();
      } catch (error) {
        if (signal?.aborted) throw stopped(error);
        if (!(error instanceof ServiceUnavailable) || tries >= this.attempts) throw error;
        if (!repeatable && !wasNotTaken(error)) throw error;
        this.#onRetry?.(tries + 1, error);
        await pause(Math.max(this.retryDelayMs * 2 ** (tries - 1), error.retryAfterMs ?? 0), signal);
        if (signal?.aborted) throw stopped(error);
      }
    }
  }

  /** One attempt. */
  async once<T>(call: Call, read: (response: Response) => Promise<T>): Promise<T> {
    const { signal, timeoutMs = this.#timeoutMs, accept = [200], stream = false } = call;
    // Not AbortSignal.any with AbortSignal.timeout: on Node 20 the pair can be collected before it fires.
    const attempt = new AbortController();
    const stop = () => attempt.abort(signal?.reason);
    const timer = setTimeout(() => attempt.abort(new DOMException('too slow', 'TimeoutError')), timeoutMs);
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    let answered = false;
    try {
      const response = await this.send(addressBelow(this.base, call.path), this.#init(call, attempt.signal));
      if (!accept.includes(response.status)) throw await problemOf(response, this.base.host);
      const answer = await read(response);
      answered = true;
      return answer;
    } catch (error) {
      if (error instanceof HermeticError) throw error;
      throw unreachable(error, this.base.host, timeoutMs);
    } finally {
      clearTimeout(timer);
      if (!stream || !answered) signal?.removeEventListener('abort', stop);
    }
  }

  #init({ method, json, body, headers }: Call, signal: AbortSignal): RequestInit {
    const type = json !== undefined ? 'application/json' : body !== undefined ? 'application/octet-stream' : undefined;
    const content = json !== undefined ? JSON.stringify(json) : (body as Uint8Array<ArrayBuffer> | Blob | undefined);
    return {
      method,
      redirect: 'manual',
      signal,
      headers: {
        ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
        ...(type !== undefined && { 'content-type': type }),
        ...headers,
      },
      ...(content !== undefined && { body: content }),
    };
  }
}

function wasNotTaken({ status }: ServiceUnavailable): boolean {
  return status === 429 || status === 503;
}

function stopped(cause: unknown): HermeticError {
  return new HermeticError('ABORTED', "the call to the owner's service was stopped", { cause });
}
