/** Why a run broke off, in the words of someone at a browser: what the trainer's code says, it says to a command line. */
import { isUnavailable } from '../lib/problem.ts';

interface Told {
  readonly code: string;
  readonly summary: string;
  readonly mend: string;
}

/** The error as it is shown: an `error` for `problemOf`. */
export function runProblem(error: unknown): unknown {
  const { code, summary = '', got = '' } = (error ?? {}) as Partial<Told> & { readonly got?: string };
  if (isUnavailable(error)) return error;
  switch (code) {
    case 'POLICY_DENIED':
      return refused(summary, got.replace(/^"|"$/g, '').replace(/ Ask the owner\.$/, ''));
    case 'WRONG_KEY':
      return {
        code,
        summary: 'the owner has given you another key since this run began',
        mend: 'What was trained under the old one cannot be handed in. Load the page again, fetch the new files, and train on them.',
      };
    case 'REFRESH_FAILED':
      return { code, summary, mend: 'Go on from the last step. Where it happens again, tell the owner.' };
    default:
      return error;
  }
}

function refused(summary: string, said: string): Told {
  const code = 'POLICY_DENIED';
  if (/does not know the token/.test(summary) || /token has expired|revoked/.test(said)) {
    return {
      code,
      summary: 'your invitation has expired or was revoked',
      mend: 'Ask the owner to extend it: then go on from the last step, which this browser keeps.',
    };
  }
  if (/budget/.test(said)) {
    return {
      code,
      summary: 'your refreshes are used up',
      mend: 'Ask the owner for more: then go on from the last step, which this browser keeps.',
    };
  }
  const why = said === '' ? summary : `the owner's service refused: ${said}`;
  return { code, summary: why, mend: 'Ask the owner. The last step is kept in this browser.' };
}
