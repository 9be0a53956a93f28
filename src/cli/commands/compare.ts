/** `hermetic compare`: one network on every scheme. */

import { buildCommand, type Command } from '@stricli/core';
import { HermeticError } from '../../base/errors.ts';
import { SCHEME_NAMES, type SchemeName } from '../../schemes/traits.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { type OutputFlags, outputFlags, type ThreadFlags, threadFlags } from '../flags.ts';
import { integer } from '../parsers.ts';

interface Flags extends ThreadFlags, OutputFlags {
  readonly schemes: readonly SchemeName[] | undefined;
  readonly steps: number | undefined;
}

export const compare: Command<HermeticContext> = buildCommand<Flags, [], HermeticContext>({
  docs: {
    brief: 'Train exclusive or on every scheme: security, exactness, seconds, sizes, accuracy',
    fullDescription: '  hermetic compare --schemes vector,ckks        some of them only',
  },
  parameters: {
    flags: {
      schemes: {
        kind: 'parsed',
        parse: parseSchemes,
        brief: `Of ${SCHEME_NAMES.join(', ')} (default: all)`,
        placeholder: 'NAME,NAME',
        optional: true,
      },
      steps: {
        kind: 'parsed',
        parse: integer(1, 1000),
        brief: 'Training steps (default: 15)',
        placeholder: 'N',
        optional: true,
      },
      ...threadFlags,
      ...outputFlags,
    },
  },
  async func(this: HermeticContext, { schemes, steps, threads, ...output }: Flags): Promise<void> {
    const { compareSchemes } = await import('../schemes/compare.ts');
    const console = new Console(this.io, output);
    await compareSchemes({ console, steps, threads, ...(schemes && { schemes }) });
  },
});

function parseSchemes(words: string): SchemeName[] {
  return words.split(',').map((word) => {
    const name = SCHEME_NAMES.find((candidate) => candidate === word.trim());
    if (name !== undefined) return name;
    throw new HermeticError('BAD_ARGUMENT', 'there is no such scheme', {
      expected: SCHEME_NAMES.join(', '),
      got: `'${word.slice(0, 40)}'`,
    });
  });
}
