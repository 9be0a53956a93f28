/** `hermetic join`: a trainer takes an invitation. */

import { buildCommand, type Command } from '@stricli/core';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { type OutputFlags, outputFlags } from '../flags.ts';
import { formatBytes, formatCount } from '../format.ts';
import { text } from '../parsers.ts';

interface Flags extends OutputFlags {
  readonly out: string;
}

export const join: Command<HermeticContext> = buildCommand<Flags, [string], HermeticContext>({
  docs: {
    brief: 'Take an invitation: keys and model into a folder that hermetic train works with',
    fullDescription: [
      'The link works once. The folder keeps a token and a key to sign with, for your eyes alone.',
      '',
      "  hermetic join 'https://owner.example/#…' --out churn",
      '  hermetic train --joined churn --data train.csv --label y',
    ].join('\n'),
  },
  parameters: {
    flags: {
      out: { kind: 'parsed', parse: text, brief: 'Folder to make', placeholder: 'FOLDER' },
      ...outputFlags,
    },
    positional: { kind: 'tuple', parameters: [{ brief: 'The link of the owner', parse: text, placeholder: 'LINK' }] },
  },
  func: runJoin,
});

async function runJoin(this: HermeticContext, flags: Flags, link: string): Promise<void> {
  const console = new Console(this.io, flags);
  const { joinService } = await import('../service/join.ts');
  const { shapeOf } = await import('../service/lineage-graph.ts');
  const { folder, me } = await joinService(console, link, flags.out);
  const { party, network, model } = me;
  const { keys, bootstrappingKeys, model: sealed } = me.files;
  const bytes = keys.bytes + (bootstrappingKeys?.bytes ?? 0) + sealed.bytes;
  console.result(
    { out: flags.out, url: folder.service.url, bytes, party, network, model },
    ({ bold }) =>
      `${bold(flags.out)}  ${party.name}, welcome to ${network.name}: ${shapeOf(network.layers)}, set ${network.set}, ` +
      `${network.securityBits}-bit security; ${formatBytes(bytes)} fetched, ${formatCount(party.refreshes.budget)} refreshes to ask for`,
  );
}
