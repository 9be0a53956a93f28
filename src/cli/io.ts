/** What a command may touch of the outside: two streams, the environment, a way to ask, and a signal to stop. */

export interface OutputStream {
  write(text: string): unknown;
  /** A terminal that a person looks at. */
  readonly isTTY?: boolean | undefined;
  /** Width of that terminal in characters. */
  readonly columns?: number | undefined;
}

/** A question whose answer must not be shown. */
export interface SecretQuestion {
  readonly message: string;
  /** Asks twice and compares: for a passphrase that nobody has typed before. */
  readonly confirm: boolean;
}

export interface Io {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C: commands then save what they have and end with exit code 130. */
  readonly signal: AbortSignal;
  /** Aborted when nobody reads stderr any more. */
  readonly unheard: AbortSignal;
  /** Asks a person; undefined where nobody sits at a terminal. Undefined as answer: the person declined. */
  readonly askSecret: ((question: SecretQuestion) => Promise<string | undefined>) | undefined;
}

/** True where a person watches the stream and wants it lively: not in CI, not on a dumb terminal. */
export function isLively(stream: OutputStream, env: Io['env']): boolean {
  return stream.isTTY === true && !isSet(env.CI) && env.TERM !== 'dumb';
}

/** Colour where there is a terminal and nobody objects (https://no-color.org); FORCE_COLOR overrides. */
export function wantsColor(stream: OutputStream, env: Io['env']): boolean {
  if (isSet(env.NO_COLOR)) return false;
  if (isSet(env.FORCE_COLOR)) return env.FORCE_COLOR !== '0';
  return stream.isTTY === true && env.TERM !== 'dumb';
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== 'false';
}
