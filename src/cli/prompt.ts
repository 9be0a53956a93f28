/** Questions at a terminal. */

import type { SecretQuestion } from './io.ts';

/** Asks without showing the answer, on stderr; undefined where the person pressed Ctrl-C. */
export async function askSecret({ message, confirm }: SecretQuestion): Promise<string | undefined> {
  const { isCancel, password } = await import('@clack/prompts');
  for (;;) {
    const answer = await password({
      message,
      output: process.stderr,
      validate: (value) => (value === undefined || value === '' ? 'It must not be empty.' : undefined),
    });
    if (isCancel(answer)) return undefined;
    if (!confirm) return answer;
    const again = await password({ message: 'Once more', output: process.stderr });
    if (isCancel(again)) return undefined;
    if (answer === again) return answer;
    process.stderr.write('The two differ; once again.\n');
  }
}
