/** Any error as a sentence of what happened and one of what to do about it. */

import { ServiceUnavailable } from 'hermetic/client';

export interface Problem {
  readonly title: string;
  readonly mend: string | undefined;
  readonly code: string;
}

interface Told {
  readonly code?: unknown;
  readonly summary?: unknown;
  readonly mend?: unknown;
  readonly name?: unknown;
  readonly message?: unknown;
}

/** What the service, the worker or the browser threw, for a person. Never a stack. */
export function problemOf(error: unknown): Problem {
  const told: Told = typeof error === 'object' && error !== null ? error : {};
  const code = typeof told.code === 'string' ? told.code : String(told.name ?? 'Error');
  if (isUnavailable(error)) {
    return {
      code,
      title: 'The service does not answer.',
      mend: 'Look whether hermetic serve still runs and whether you are connected; then try again.',
    };
  }
  if (told.name === 'QuotaExceededError') {
    return { code, title: 'This browser has no space left.', mend: 'Free some space on this device, then try again.' };
  }
  const said = typeof told.summary === 'string' ? told.summary : String(told.message ?? error);
  const mend = typeof told.mend === 'string' ? told.mend : undefined;
  return { code, title: sentence(said), mend };
}

/** Nobody answered: the network is down, or the service. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof ServiceUnavailable;
}

/** Stopped on purpose. */
export function isAborted(error: unknown): boolean {
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  return name === 'AbortError' || code === 'ABORTED';
}

/** The service does not know the token (any more). */
export function isSignedOut(error: unknown): boolean {
  return (error as { status?: unknown } | undefined)?.status === 401;
}

function sentence(text: string): string {
  const trimmed = text.trim();
  const start = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(start) ? start : `${start}.`;
}
