/** `hermetic blobs`: a folder of ciphertexts by their hash, for machines that share none. */

import { buildCommand, type Command } from '@stricli/core';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { type OutputFlags, outputFlags } from '../flags.ts';
import { integer, text } from '../parsers.ts';

interface Flags extends OutputFlags {
  readonly port: number;
  readonly host: string;
  readonly tokenFile: string;
}

export const blobs: Command<HermeticContext> = buildCommand<Flags, [string], HermeticContext>({
  docs: {
    brief: 'Keep the ciphertexts of a training on many machines, by their SHA-256',
    fullDescription: [
      'PUT, GET and DELETE /blobs/{sha256} for whoever shows the token. What it keeps is encrypted and checked by all who',
      'fetch it. Where the token file is missing it is made. Put TLS before it. Ctrl-C ends it.',
      '',
      '  hermetic blobs /var/lib/hermetic/blobs --port 7800 --host 10.0.0.1 --token-file token',
    ].join('\n'),
  },
  parameters: {
    flags: {
      port: {
        kind: 'parsed',
        parse: integer(0, 65535),
        brief: 'Port; 0 takes any',
        placeholder: 'PORT',
        default: '7800',
      },
      host: {
        kind: 'parsed',
        parse: text,
        brief: 'Address to listen at; by default only this machine is heard',
        placeholder: 'HOST',
        default: '127.0.0.1',
      },
      tokenFile: { kind: 'parsed', parse: text, brief: 'Token that machines must show', placeholder: 'FILE' },
      ...outputFlags,
    },
    positional: { kind: 'tuple', parameters: [{ brief: 'Where they lie', parse: text, placeholder: 'FOLDER' }] },
  },
  func: runBlobs,
});

async function runBlobs(this: HermeticContext, flags: Flags, folder: string): Promise<void> {
  const console = new Console(this.io, flags);
  const { serveBlobs } = await import('../../cluster/node/blob-server.ts');
  const { readOrMakeToken } = await import('../token-file.ts');
  const { token, made } = await readOrMakeToken(flags.tokenFile);
  if (made) console.note(`made ${flags.tokenFile}: give a copy to every machine of the run`);
  const server = await serveBlobs({ folder, token, port: flags.port, hostname: flags.host });
  const { url, port } = server;
  console.result({ url, port, folder }, ({ bold }) => `${bold(url)} keeps blobs in ${folder}; Ctrl-C ends it`);
  const { signal } = this.io;
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await server.close();
}
