/** One way to say that a file cannot be used. */
import { type ErrorDetails, HermeticError } from '../base/errors.ts';

const FETCH_AGAIN = 'The file was cut short or damaged on its way: copy or make it again.';

export function badFile(summary: string, details: ErrorDetails = {}): HermeticError {
  return new HermeticError('BAD_FILE', summary, { mend: FETCH_AGAIN, ...details });
}
