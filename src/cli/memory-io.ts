/** Commands in memory: no process, no terminal, no port; what was said as strings. For tests. */

import type { Io, SecretQuestion } from './io.ts';
import { run } from './run.ts';

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as JSON. */
  readonly json: () => Record<string, unknown>;
}

export interface SayOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly askSecret?: (question: SecretQuestion) => Promise<string | undefined>;
}

/** Runs `hermetic …words`. */
export async function say(words: readonly string[], options: SayOptions = {}): Promise<Said> {
  let stdout = '';
  let stderr = '';
  const io: Io = {
    stdout: {
      write(text: string) {
        stdout += text;
      },
    },
    stderr: {
      write(text: string) {
        stderr += text;
      },
    },
    env: options.env ?? {},
    signal: options.signal ?? new AbortController().signal,
    unheard: new AbortController().signal,
    askSecret: options.askSecret,
  };
  const code = await run(words, io);
  return { code, stdout, stderr, json: () => JSON.parse(stdout) as Record<string, unknown> };
}
