/** Errors as one thread tells another of them: cloning alone would forget what a `HermeticError` says and a problem's status. */
import { HermeticError, type HermeticErrorCode } from '../../base/errors.ts';
import { HttpProblem } from '../error-response.ts';

export interface ToldError {
  /** Of an error that a user can act on. */
  readonly hermetic?: {
    readonly code: HermeticErrorCode;
    readonly summary: string;
    readonly expected: string | undefined;
    readonly got: string | undefined;
    readonly mend: string | undefined;
    /** Where it is an answer with a status of its own. */
    readonly status: number | undefined;
  };
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
}

export function tellError(thrown: unknown): ToldError {
  if (!(thrown instanceof Error)) return { name: 'Error', message: String(thrown), stack: undefined };
  const { name, message, stack } = thrown;
  const error = thrown instanceof HttpProblem ? thrown.error : thrown;
  if (!(error instanceof HermeticError)) return { name, message, stack };
  const { code, headline: summary, expected, got, mend } = error;
  const status = thrown instanceof HttpProblem ? thrown.status : undefined;
  return { hermetic: { code, summary, expected, got, mend, status }, name, message, stack };
}

/** The same error on this side, with the stack of that one. */
export function heardError({ hermetic, name, message, stack }: ToldError): Error {
  const error = hermetic === undefined ? plainError(name, message) : hermeticError(hermetic);
  if (stack !== undefined) error.stack = stack;
  return error;
}

function hermeticError(told: NonNullable<ToldError['hermetic']>): Error {
  const { code, summary, expected, got, mend, status } = told;
  const details = { ...(expected !== undefined && { expected }), ...(got !== undefined && { got }) };
  const error = new HermeticError(code, summary, { ...details, ...(mend !== undefined && { mend }) });
  return status === undefined ? error : new HttpProblem(status, error);
}

function plainError(name: string, message: string): Error {
  if (name === 'RangeError') return new RangeError(message);
  if (name === 'TypeError') return new TypeError(message);
  return Object.assign(new Error(message), { name });
}
