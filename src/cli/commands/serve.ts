/** `hermetic serve`: the owner answers blinded refreshes while a trainer works. */

import { buildCommand, type Command } from '@stricli/core';
import type { RefreshEvent } from '../../owner/refresh-service.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import {
  type OutputFlags,
  type OwnerKeyFlags,
  outputFlags,
  ownerKeyFlags,
  type ThreadFlags,
  threadFlags,
} from '../flags.ts';
import { formatCount } from '../format.ts';
import { integer, text } from '../parsers.ts';

interface Flags extends OwnerKeyFlags, ThreadFlags, OutputFlags {
  readonly port: number;
  readonly host: string;
  readonly tokenFile: string;
  readonly budget: number;
}

export const serve: Command<HermeticContext> = buildCommand<Flags, [], HermeticContext>({
  docs: {
    brief: 'Answer blinded refreshes, so that a trainer never runs out of levels',
    fullDescription: [
      'Takes masked ciphertexts and gives fresh ones: nothing is decoded, and no weight is seen. Where the token file',
      'is missing it is made; give a copy to the trainer. Ctrl-C ends it.',
      '',
      '  hermetic serve --key keys/owner.key --passphrase-file pw --port 7700 --token-file token',
    ].join('\n'),
  },
  parameters: {
    flags: {
      ...ownerKeyFlags,
      port: {
        kind: 'parsed',
        parse: integer(0, 65535),
        brief: 'Port; 0 takes any',
        placeholder: 'PORT',
        default: '7700',
      },
      host: {
        kind: 'parsed',
        parse: text,
        brief: 'Address to listen at; by default only this machine is heard',
        placeholder: 'HOST',
        default: '127.0.0.1',
      },
      tokenFile: { kind: 'parsed', parse: text, brief: 'Token that trainers must show', placeholder: 'FILE' },
      budget: {
        kind: 'parsed',
        parse: integer(1, 2 ** 24),
        brief: 'Refreshes to answer at most',
        placeholder: 'CALLS',
        default: '1000',
      },
      ...threadFlags,
      ...outputFlags,
    },
  },
  func: runServe,
});

async function runServe(this: HermeticContext, flags: Flags): Promise<void> {
  const console = new Console(this.io, flags);
  const { withOwnerKeys } = await import('../key-files.ts');
  const { startRefreshServer } = await import('../refresh-server.ts');
  const { readOrMakeToken } = await import('../token-file.ts');
  await withOwnerKeys(console, flags, async (keys) => {
    const { token, made } = await readOrMakeToken(flags.tokenFile);
    if (made) console.note(`made ${flags.tokenFile}: give a copy to the trainer`);
    const server = await startRefreshServer(keys, {
      parties: [{ name: 'trainer', token }],
      port: flags.port,
      hostname: flags.host,
      budget: flags.budget,
      onCall: (event) => console.note(callLine(event)),
    });
    const { url, port } = server;
    console.result(
      { url, port, keyId: keys.keyId },
      ({ bold }) => `${bold(url)} answers blinded refreshes; Ctrl-C ends it`,
    );
    await untilStopped(this.io.signal);
    await server.close();
    console.note(`answered ${formatCount(server.totals().calls)} refreshes`);
  });
}

function callLine({ step, ciphertexts, repeated, callsLeft }: RefreshEvent): string {
  const again = repeated ? ' (again)' : '';
  return `step ${step}: ${ciphertexts} masked ciphertexts refreshed${again}, ${formatCount(callsLeft)} calls left`;
}

function untilStopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
