/** The one place where errors become HTTP: a status and JSON without stack, path or anything secret. */
import { HermeticError, type HermeticErrorCode } from '../base/errors.ts';

/** An error whose status follows from where it happened and not from its code. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly error: HermeticError;

  constructor(status: number, error: HermeticError) {
    super(error.message);
    this.status = status;
    this.error = error;
  }
}

const STATUS: Readonly<Record<HermeticErrorCode, number>> = {
  BAD_ARGUMENT: 400,
  BAD_DATA: 400,
  BAD_FILE: 400,
  WRONG_KEY: 409,
  WRONG_PASSPHRASE: 500,
  LEVELS_EXHAUSTED: 400,
  PLAN_REFUSED: 400,
  INSECURE_PARAMETERS: 400,
  OUT_OF_MEMORY: 503,
  DISK: 500,
  REFRESH_FAILED: 503,
  CLUSTER: 503,
  POLICY_DENIED: 403,
  DIVERGED: 400,
  ABORTED: 503,
};

/** Errors of ours tell what they know; all others only that they happened. */
export function errorResponse(thrown: unknown): Response {
  const problem = thrown instanceof HttpProblem ? thrown : undefined;
  const error = problem?.error ?? thrown;
  if (!(error instanceof HermeticError)) {
    return respond(500, { code: 'INTERNAL', message: 'the server failed to answer' });
  }
  const { code, message, expected, got, mend } = error;
  return respond(problem?.status ?? STATUS[code], { code, message, expected, got, mend });
}

function respond(status: number, error: Readonly<Record<string, string | undefined>>): Response {
  const headers: Record<string, string> = { 'cache-control': 'no-store' };
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  if (status === 503) headers['retry-after'] = '1';
  return Response.json({ schema: 1, error }, { status, headers });
}
