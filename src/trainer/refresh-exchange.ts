/**
 * One refresh call, delivered exactly once in effect: the same bytes, under the same call name, are sent until an
 * answer to them is whole, a bounded number of times. The owner's books make a doubled request harmless.
 */
import { bytesToHex } from '../base/bytes.ts';
import { checkInteger } from '../base/checks.ts';
import { HermeticError } from '../base/errors.ts';
import { pause } from '../base/pause.ts';
import { memorySink, memorySource } from '../protocol/byte-source.ts';
import type { CiphertextRecord } from '../protocol/ciphertext-record.ts';
import type { CiphertextParameters } from '../protocol/parameters.ts';
import { maxRefreshMessageBytes, readRefreshResponse, writeRefreshRequest } from '../protocol/refresh-message.ts';
import { RESUME, type RefreshTransport, RefreshUnavailable } from '../protocol/refresh-transport.ts';

export interface ExchangeOptions {
  readonly parameters: CiphertextParameters;
  readonly keyId: string;
  /** The run's name, the same after a resume. */
  readonly run: string;
  readonly transport: RefreshTransport;
  /** Attempts for a call. Default 5. */
  readonly attempts?: number;
  /** Pause before the second attempt, doubled before each further one. Default 500 ms. */
  readonly retryDelayMs?: number;
  /** Called before each further attempt. */
  readonly onRetry?: (attempt: number, error: HermeticError) => void;
}

export interface ExchangeCall {
  readonly step: number;
  /** Level of the fresh ciphertexts. */
  readonly level: number;
  /** The call's name, for whoever may have to make the same call again. Default: a new one. */
  readonly name?: string;
  /** When it fires, no further attempt is made, and the one under way gets a last few seconds. */
  readonly signal?: AbortSignal;
}

/** How long an attempt under way may still take when the user wants to stop. */
const GRACE_MS = 10_000;

/** Sends masked records at level 0 and returns the owner's answer, in order. */
export type RefreshExchange = (
  records: readonly CiphertextRecord[],
  call: ExchangeCall,
) => Promise<readonly CiphertextRecord[]>;

/** @throws (when called) HermeticError REFRESH_FAILED with the mend, POLICY_DENIED, WRONG_KEY, ABORTED */
export function refreshExchange(options: ExchangeOptions): RefreshExchange {
  const { parameters, keyId, run, transport, attempts = 5, retryDelayMs = 500, onRetry } = options;
  checkInteger('attempts', attempts, 1, 100);
  checkInteger('retryDelayMs', retryDelayMs, 0, 2 ** 20);
  return async (records, { step, level, name = newCallName(), signal }) => {
    const call = { run, step, call: name, keyId, level };
    const sink = memorySink();
    await writeRefreshRequest(sink, { ...call, records }, parameters);
    const request = sink.bytes();
    const maxResponseBytes = maxRefreshMessageBytes(parameters, level, records.length, 2);
    const attempt = async (): Promise<readonly CiphertextRecord[]> => {
      const grace = graceful(signal);
      try {
        const response = await transport(request, { maxResponseBytes, signal: grace.signal });
        const source = memorySource(response);
        const message = await readRefreshResponse(source, call, records.length, parameters, { onWarning: () => {} });
        return message.records;
      } finally {
        grace.dispose();
      }
    };
    for (let tries = 1; ; tries++) {
      try {
        return await attempt();
      } catch (thrown) {
        const error = asRefreshError(thrown);
        if (signal?.aborted) throw stopped(step, error);
        if (!(error instanceof RefreshUnavailable) || tries >= attempts) throw error;
        onRetry?.(tries + 1, error);
        await pause(retryDelayMs * 2 ** (tries - 1), signal);
        if (signal?.aborted) throw stopped(step, error);
      }
    }
  };
}

/** 128 random bits. */
function newCallName(): string {
  return bytesToHex(crypto.getRandomValues(new Uint8Array(16)));
}

/** Whatever went wrong, as something that a user can act on. */
function asRefreshError(error: unknown): HermeticError {
  if (!(error instanceof HermeticError)) {
    return new RefreshUnavailable('the refresh failed on its way', error);
  }
  // A message that is damaged, or none of ours, may come whole the next time.
  if (error.code === 'BAD_FILE')
    return new RefreshUnavailable(`the owner's answer is nonsense (${error.summary})`, error);
  if (['REFRESH_FAILED', 'POLICY_DENIED', 'WRONG_KEY'].includes(error.code)) return error;
  const { code, summary } = error;
  return new HermeticError('REFRESH_FAILED', `the owner refused the call (${code}: ${summary})`, {
    mend: RESUME,
    cause: error,
  });
}

function stopped(step: number, cause: HermeticError): HermeticError {
  return new HermeticError('ABORTED', `training stopped while step ${step} waited for its refresh`, {
    mend: 'Where checkpoints are kept, the same command again goes on from the last one.',
    cause,
  });
}

/** A signal that fires `GRACE_MS` after `signal` does. */
function graceful(signal: AbortSignal | undefined): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const start = () => {
    timer = setTimeout(() => controller.abort(), GRACE_MS);
  };
  if (signal?.aborted) start();
  else signal?.addEventListener('abort', start, { once: true });
  const dispose = () => {
    signal?.removeEventListener('abort', start);
    clearTimeout(timer);
  };
  return { signal: controller.signal, dispose };
}
