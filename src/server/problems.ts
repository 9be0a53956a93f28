/** What the service refuses, with the status that says so. */
import { type ErrorDetails, HermeticError, type HermeticErrorCode } from '../base/errors.ts';
import { HttpProblem } from './error-response.ts';

export function problem(
  status: number,
  code: HermeticErrorCode,
  summary: string,
  details: ErrorDetails = {},
): HttpProblem {
  return new HttpProblem(status, new HermeticError(code, summary, details));
}

export function unknown(what: string): HttpProblem {
  return problem(404, 'BAD_ARGUMENT', `there is no such ${what}`);
}

export function denied(summary: string, mend: string = 'Ask the owner.'): HttpProblem {
  return problem(403, 'POLICY_DENIED', summary, { mend });
}

/** What a checked function says of an argument that came from outside: TypeError and RangeError become the caller's. */
export function asArgument<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    throw problem(400, 'BAD_ARGUMENT', error.message);
  }
}

/** The value, or 404. */
export function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw unknown(what);
  return value;
}
