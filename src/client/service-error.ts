/** What the owner's service refuses, and that it cannot be reached, as errors that a user can act on. */
import { type ErrorDetails, HermeticError, type HermeticErrorCode } from '../base/errors.ts';
import { readAll, streamSource } from '../protocol/byte-source.ts';
import { printable } from '../protocol/server-address.ts';
import { errorSchema } from '../protocol/service/schemas.ts';

/** The service answered, and not with what was asked for. */
export class ServiceRefusal extends HermeticError {
  /** HTTP status. */
  readonly status: number;

  constructor(status: number, code: HermeticErrorCode, summary: string, details: ErrorDetails) {
    super(code, summary, details);
    this.status = status;
  }
}

/** A failure that may pass: no connection, a timeout, an overloaded server. Its code is REFRESH_FAILED. */
export class ServiceUnavailable extends HermeticError {
  /** HTTP status, where a server answered at all. */
  readonly status: number | undefined;
  /** How long the server asks to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(summary: string, details: { status?: number; retryAfterMs?: number; cause?: unknown } = {}) {
    super('REFRESH_FAILED', summary, { mend: UNAVAILABLE, cause: details.cause });
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
  }
}

const UNAVAILABLE = "Check that the owner's service runs there (`hermetic serve --store`), and the address.";
const MAX_ERROR_BYTES = 65_536;
/** Statuses of a server, or of a proxy before it, that is not able to answer now. */
const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504]);

const CODES: Readonly<Record<HermeticErrorCode, true>> = {
  BAD_ARGUMENT: true,
  BAD_DATA: true,
  BAD_FILE: true,
  WRONG_KEY: true,
  WRONG_PASSPHRASE: true,
  LEVELS_EXHAUSTED: true,
  PLAN_REFUSED: true,
  INSECURE_PARAMETERS: true,
  OUT_OF_MEMORY: true,
  DISK: true,
  REFRESH_FAILED: true,
  POLICY_DENIED: true,
  DIVERGED: true,
  CLUSTER: true,
  ABORTED: true,
};

/** What an answer other than the one asked for means. Reads its body. */
export async function problemOf(response: Response, host: string): Promise<ServiceRefusal | ServiceUnavailable> {
  const { status } = response;
  const said = await saidBy(response);
  if (PASSING.has(status)) {
    const words = said === undefined ? '' : ` ("${printable(said.message)}")`;
    const retryAfterMs = retryAfter(response);
    const details = { status, ...(retryAfterMs !== undefined && { retryAfterMs }) };
    return new ServiceUnavailable(`the owner's service answered ${status}${words}`, details);
  }
  if (said === undefined) {
    const summary = `${host} answered ${status}, as no service of Hermetic does`;
    return new ServiceRefusal(status, 'REFRESH_FAILED', summary, { mend: UNAVAILABLE });
  }
  const { message, code, ...details } = said;
  const shown = Object.fromEntries(
    Object.entries(details).flatMap(([name, text]) => (text === undefined ? [] : [[name, printable(text)]])),
  );
  return new ServiceRefusal(status, knownCode(code), printable(bareSummary(message, details)), shown);
}

/** Nothing came back at all. */
export function unreachable(error: unknown, host: string, timeoutMs: number): ServiceUnavailable {
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return new ServiceUnavailable(`the owner's service did not answer within ${timeoutMs / 1000} s`, { cause: error });
  }
  return new ServiceUnavailable(`the owner's service at ${host} cannot be reached`, { cause: error });
}

/** An answer that does not say what the contract wants it to. */
export function nonsense(what: string, cause: unknown): HermeticError {
  return new HermeticError('REFRESH_FAILED', `the owner's service gave a wrong answer to ${what}`, {
    mend: 'The service and this program may be of different versions: bring both to the same.',
    cause,
  });
}

function knownCode(code: string): HermeticErrorCode {
  return Object.hasOwn(CODES, code) ? (code as HermeticErrorCode) : 'REFRESH_FAILED';
}

interface Said {
  readonly code: string;
  readonly message: string;
  readonly expected?: string | undefined;
  readonly got?: string | undefined;
  readonly mend?: string | undefined;
}

async function saidBy(response: Response): Promise<Said | undefined> {
  try {
    if (response.body === null) return undefined;
    const bytes = await readAll(streamSource(response.body, { maxBytes: MAX_ERROR_BYTES }), MAX_ERROR_BYTES);
    return errorSchema.parse(JSON.parse(new TextDecoder().decode(bytes))).error;
  } catch {
    return undefined;
  }
}

/** The message of a `HermeticError` without the parts that it joins. */
function bareSummary(message: string, { expected, got, mend }: Omit<Said, 'code' | 'message'>): string {
  let summary = message;
  const drop = (end: string | undefined, lead: string) => {
    if (end !== undefined && summary.endsWith(lead + end)) summary = summary.slice(0, -(lead.length + end.length));
  };
  drop(mend, '. ');
  drop(got, '; got ');
  drop(expected, '; expected ');
  return summary;
}

const MAX_RETRY_AFTER_MS = 30_000;

function retryAfter(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return seconds >= 0 ? Math.min(seconds * 1000, MAX_RETRY_AFTER_MS) : undefined;
}
