/** How a refresh request reaches the owner: over HTTP, or any function that takes and gives the messages' bytes. */
import { HermeticError } from '../base/errors.ts';

export interface SendOptions {
  /** A longer response is refused. */
  readonly maxResponseBytes: number;
  readonly signal: AbortSignal;
}

/**
 * Sends the bytes of a request and returns those of the response. Whoever waits may send the same bytes again: a
 * transport keeps nothing between calls.
 * @throws RefreshUnavailable where the same request may fare better later; otherwise HermeticError POLICY_DENIED for a
 *   token or a call that the owner does not accept, WRONG_KEY for another owner, REFRESH_FAILED
 */
export type RefreshTransport = (request: Uint8Array, options: SendOptions) => Promise<Uint8Array>;

/** A failure that may pass: no connection, a timeout, an overloaded server. Its code is REFRESH_FAILED. */
export class RefreshUnavailable extends HermeticError {
  constructor(summary: string, cause?: unknown) {
    super('REFRESH_FAILED', summary, { mend: RESUME, cause });
  }
}

/**
 * The owner's words for a call whose name was used for another request: somebody made that one. They are part of the protocol:
 * what else an owner refuses (an answer that is kept no longer, a budget that is used up) proves nothing of anybody.
 */
export const OTHER_REQUEST = 'this call was already made with another request';

/** Over HTTP the words stand in the answer's message, which the error quotes. */
export function isOtherRequest(error: unknown): boolean {
  return error instanceof HermeticError && error.code === 'POLICY_DENIED' && error.summary.includes(OTHER_REQUEST);
}

export const RESUME =
  'Check that `hermetic serve` runs there and that --refresh names it; where checkpoints are kept, the same command again goes on from the last one.';
