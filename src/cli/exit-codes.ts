/** The one place where errors become exit codes and sentences. */

import { HermeticError, type HermeticErrorCode } from '../base/errors.ts';
import { plainText } from '../base/plain-text.ts';

export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  /** Verification or decryption refused. */
  refused: 3,
  policyDenied: 4,
  levelsExhausted: 5,
  interrupted: 130,
} as const;

const EXIT_CODE_OF: Readonly<Record<HermeticErrorCode, number>> = {
  BAD_ARGUMENT: exitCodes.usage,
  BAD_DATA: exitCodes.failure,
  BAD_FILE: exitCodes.refused,
  WRONG_KEY: exitCodes.refused,
  WRONG_PASSPHRASE: exitCodes.refused,
  LEVELS_EXHAUSTED: exitCodes.levelsExhausted,
  PLAN_REFUSED: exitCodes.levelsExhausted,
  INSECURE_PARAMETERS: exitCodes.refused,
  OUT_OF_MEMORY: exitCodes.failure,
  DISK: exitCodes.failure,
  REFRESH_FAILED: exitCodes.failure,
  CLUSTER: exitCodes.failure,
  POLICY_DENIED: exitCodes.policyDenied,
  DIVERGED: exitCodes.failure,
  ABORTED: exitCodes.interrupted,
};

/** A failure as the command line tells it. */
export interface Failure {
  readonly exitCode: number;
  /** A `HermeticErrorCode`, USAGE, or UNEXPECTED for what should not have happened. */
  readonly code: HermeticErrorCode | 'USAGE' | 'UNEXPECTED';
  /** One line: what is wrong and how to mend it. */
  readonly message: string;
  readonly mend: string | undefined;
  readonly stack: string | undefined;
}

/** What the user did wrong on the command line itself. */
export function usageFailure(message: string, mend?: string): Failure {
  const sentence = mend === undefined ? message : `${message}. ${mend}`;
  return { exitCode: exitCodes.usage, code: 'USAGE', message: oneLine(sentence), mend, stack: undefined };
}

/** Any error as a failure: exit code, one line without a stack, and the mend by itself. */
export function failureOf(error: unknown): Failure {
  if (error instanceof HermeticError) {
    const { code, message, mend, stack } = error;
    return { exitCode: EXIT_CODE_OF[code], code, message: oneLine(message), mend, stack };
  }
  if (isAbort(error)) return failureOf(new HermeticError('ABORTED', 'stopped'));
  if (error instanceof RangeError && /allocation|array buffer|memory/i.test(error.message)) {
    return failureOf(outOfMemory(error));
  }
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? error.stack : undefined;
  return { exitCode: exitCodes.failure, code: 'UNEXPECTED', message: oneLine(message), mend: undefined, stack };
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || ('code' in error && error.code === 'ABORT_ERR'));
}

function outOfMemory(cause: RangeError): HermeticError {
  return new HermeticError('OUT_OF_MEMORY', 'the memory does not suffice', {
    got: cause.message,
    mend: 'Close other programs, or take a smaller batch or parameter set.',
    cause,
  });
}

function oneLine(text: string): string {
  return plainText(text).replace(/\s+/g, ' ').trim();
}
