/** `hermetic break`: attacks that open systems made unsafe on purpose, and fail on this one. */

import { buildCommand, buildRouteMap, type Command, type RouteMap, type StricliProcess } from '@stricli/core';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { type OutputFlags, outputFlags, type ThreadFlags, threadFlags } from '../flags.ts';
import { integer, text } from '../parsers.ts';

interface Flags extends ThreadFlags, OutputFlags {
  readonly set: string;
}

interface RefreshFlags extends Flags {
  readonly calls: number;
}

const setFlag = (initial: string) =>
  ({
    kind: 'parsed',
    parse: text,
    brief: 'Parameter set to attack',
    placeholder: 'SET',
    default: initial,
  }) as const;

/** No error: what was found is the result. */
function exitWith({ process }: HermeticContext, code: number): void {
  (process as StricliProcess).exitCode = code;
}

const unlock: Command<HermeticContext> = buildCommand<Flags, [], HermeticContext>({
  docs: {
    brief: 'The unlock as a decryption oracle',
    fullDescription: '  hermetic break unlock --set L13',
  },
  parameters: { flags: { set: setFlag('L14'), ...threadFlags, ...outputFlags } },
  async func(this: HermeticContext, flags: Flags): Promise<void> {
    const { breakUnlock } = await import('../break/unlock.ts');
    exitWith(this, await breakUnlock({ ...flags, console: new Console(this.io, flags) }));
  },
});

const refresh: Command<HermeticContext> = buildCommand<RefreshFlags, [], HermeticContext>({
  docs: {
    brief: 'Reactions of a refresh, a bit a call (small ring, for time)',
    fullDescription: '  hermetic break refresh --set insecure-10-1-1 --calls 1000',
  },
  parameters: {
    flags: {
      set: setFlag('insecure-9-1-1'),
      calls: {
        kind: 'parsed',
        parse: integer(1, 1_000_000),
        brief: 'Honest and malicious requests, of each so many, whose answers are compared',
        placeholder: 'N',
        default: '10000',
      },
      ...threadFlags,
      ...outputFlags,
    },
  },
  async func(this: HermeticContext, flags: RefreshFlags): Promise<void> {
    const { breakRefresh } = await import('../break/refresh.ts');
    exitWith(this, await breakRefresh({ ...flags, console: new Console(this.io, flags) }));
  },
});

const cpad: Command<HermeticContext> = buildCommand<Flags, [], HermeticContext>({
  docs: {
    brief: 'The key out of one published raw decryption',
    fullDescription: '  hermetic break cpad --set L14 --json',
  },
  parameters: { flags: { set: setFlag('L14'), ...threadFlags, ...outputFlags } },
  async func(this: HermeticContext, flags: Flags): Promise<void> {
    const { breakCpad } = await import('../break/cpad.ts');
    exitWith(this, await breakCpad({ ...flags, console: new Console(this.io, flags) }));
  },
});

interface TeachingFlags extends OutputFlags {
  readonly keys: number;
}

const teaching = (scheme: 'vector' | 'yashe', brief: string, keys: number): Command<HermeticContext> =>
  buildCommand<TeachingFlags, [string?], HermeticContext>({
    docs: {
      brief,
      fullDescription: [
        `  hermetic demo xor --scheme ${scheme} && hermetic break ${scheme} out/xor-${scheme}`,
        '',
        'Without a folder a demonstration is sealed first, and its secret key forgotten.',
      ].join('\n'),
    },
    parameters: {
      flags: {
        keys: {
          kind: 'parsed',
          parse: integer(1, 10_000),
          brief: 'Fresh keys to recover',
          placeholder: 'N',
          default: String(keys),
        },
        ...outputFlags,
      },
      positional: {
        kind: 'tuple',
        parameters: [
          { brief: 'Folder with public.keys and model.sealed', parse: text, placeholder: 'FOLDER', optional: true },
        ],
      },
    },
    async func(this: HermeticContext, { keys: count, ...flags }: TeachingFlags, folder?: string): Promise<void> {
      const options = { console: new Console(this.io, flags), folder, keys: count };
      if (scheme === 'vector') {
        const { breakVector } = await import('../break/vector.ts');
        exitWith(this, await breakVector(options));
      } else {
        const { breakYashe } = await import('../break/yashe.ts');
        exitWith(this, await breakYashe(options));
      }
    },
  });

const vector: Command<HermeticContext> = teaching(
  'vector',
  'The post’s scheme: its secret key from its public one',
  200,
);
const yashe: Command<HermeticContext> = teaching('yashe', 'A small YASHE: its secret key by lattice reduction', 5);

export const breakCommands: RouteMap<HermeticContext> = buildRouteMap<string, HermeticContext>({
  routes: { vector, yashe, unlock, refresh, cpad },
  docs: {
    brief: 'Watch attacks open what is unsafe, and fail here',
    fullDescription: [
      'Each tells what the attacker knows and asks, why that works, what it gets of a system made unsafe on purpose and',
      'of this one, and which rule of SECURITY.md stands between. Exit code 0: the first opened and the second did not.',
    ].join('\n'),
  },
});
