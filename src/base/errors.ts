/**
 * Errors that a user can act on. A `HermeticError` says what was expected, what was found and how to mend it;
 * it never carries secret data. Misuse of an argument at a public door is a `TypeError` or `RangeError` instead.
 */

export type HermeticErrorCode =
  | 'BAD_ARGUMENT' // a value from outside (argument, environment, request) that cannot be used
  | 'BAD_DATA' // a CSV or a data set that cannot be learned from
  | 'BAD_FILE' // truncated, foreign, corrupted or of an unknown version
  | 'WRONG_KEY' // keys of another set, or of another owner
  | 'WRONG_PASSPHRASE'
  | 'LEVELS_EXHAUSTED' // a computation needs more levels than are left
  | 'PLAN_REFUSED' // the plan would need more levels, slots or memory than there are
  | 'INSECURE_PARAMETERS' // above the security table
  | 'OUT_OF_MEMORY'
  | 'DISK' // no space, no permission
  | 'REFRESH_FAILED' // the owner's server is away or answered nonsense
  | 'CLUSTER' // the database, the store of blobs or the workers of a run on many machines are away or fail
  | 'POLICY_DENIED' // the owner does not release this
  | 'DIVERGED' // values left the range that the plan allows
  | 'ABORTED';

export interface ErrorDetails {
  /** What would have been right. */
  readonly expected?: string;
  /** What was found instead; never secret. */
  readonly got?: string;
  /** What the user can do. */
  readonly mend?: string;
  readonly cause?: unknown;
}

export class HermeticError extends Error {
  readonly code: HermeticErrorCode;
  /** What it was made with: the message without expected, got and mend. */
  readonly headline: string;
  /** The message without the mend, to stand inside another sentence. */
  readonly summary: string;
  readonly expected: string | undefined;
  readonly got: string | undefined;
  readonly mend: string | undefined;

  constructor(code: HermeticErrorCode, headline: string, details: ErrorDetails = {}) {
    const parts = [headline];
    if (details.expected !== undefined) parts.push(`expected ${details.expected}`);
    if (details.got !== undefined) parts.push(`got ${details.got}`);
    const sentence = parts.join('; ');
    super(details.mend === undefined ? sentence : `${sentence}. ${details.mend}`, { cause: details.cause });
    this.name = 'HermeticError';
    this.code = code;
    this.headline = headline;
    this.summary = sentence;
    this.expected = details.expected;
    this.got = details.got;
    this.mend = details.mend;
  }
}
