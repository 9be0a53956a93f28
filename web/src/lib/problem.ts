/** Any error as a sentence of what happened and one of what to do about it. */

import { RefreshUnavailable, ServiceUnavailable } from 'hermetic/client';

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

/** What IndexedDB and the storages throw where a browser was told to keep nothing. */
const NO_STORAGE: ReadonlySet<string> = new Set(['SecurityError', 'InvalidStateError', 'UnknownError']);
/** What engines say of memory that they cannot give, in words that no standard fixes. */
const NO_MEMORY = /out of memory|could not allocate|allocation (failed|size overflow)|invalid (array|string) length/i;

/** What the service, the worker or the browser threw, for a person. Never a stack. */
export function problemOf(error: unknown): Problem {
  const told: Told = typeof error === 'object' && error !== null ? error : {};
  const code = typeof told.code === 'string' ? told.code : String(told.name ?? 'Error');
  if (isUnavailable(error)) {
    return {
      code,
      title: 'The service does not answer.',
      mend: 'Look whether you are connected, and whether the owner’s service (hermetic serve) runs; then try again.',
    };
  }
  if (told.name === 'QuotaExceededError') {
    return { code, title: 'This browser has no space left.', mend: 'Free some space on this device, then try again.' };
  }
  if (NO_STORAGE.has(String(told.name))) {
    return {
      code,
      title: 'This browser lets the page keep nothing.',
      mend: 'Allow it to store data (cookies and site data), or use a normal window instead of a private one; then try again.',
    };
  }
  if (NO_MEMORY.test(String(told.message))) {
    return {
      code,
      title: 'This tab has no memory left.',
      mend: 'Close other tabs and load the page again. Where that does not help, take fewer rows, or train from the command line.',
    };
  }
  const said = typeof told.summary === 'string' ? told.summary : String(told.message ?? error);
  const mend = typeof told.mend === 'string' ? told.mend : undefined;
  return { code, title: sentence(said), mend };
}

/** Nobody answered: the network is down, or the service. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof ServiceUnavailable || error instanceof RefreshUnavailable;
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
  // A name of a file stays as it is.
  const named = /^\S+\.\w{1,8}\b/.test(trimmed);
  const start = named ? trimmed : trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(start) ? start : `${start}.`;
}
