/** `hermetic demo federation`: the owner's service, and trainers who join it, on one machine. */

import { buildCommand, type Command } from '@stricli/core';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { type OutputFlags, outputFlags, type ThreadFlags, threadFlags } from '../flags.ts';
import { requireFreePort } from '../free-port.ts';
import { integer, text } from '../parsers.ts';

interface Flags extends ThreadFlags, OutputFlags {
  readonly out: string;
  readonly stay: boolean;
  readonly port: number;
}

export const demoFederation: Command<HermeticContext> = buildCommand<Flags, [], HermeticContext>({
  docs: {
    brief: 'Three trainers and a saboteur teach a spam filter over the real service',
    fullDescription: [
      'The service runs here, over loopback HTTP; each trainer is a process of its own with its own mails. The owner tests',
      'what comes back and gives it to the next under another key. With --stay the service and its page remain.',
      '',
      '  hermetic demo federation --stay',
    ].join('\n'),
  },
  parameters: {
    flags: {
      out: {
        kind: 'parsed',
        parse: text,
        brief: 'Folder for the report',
        placeholder: 'FOLDER',
        default: 'out/federation',
      },
      stay: { kind: 'boolean', brief: 'Serve on until Ctrl-C', default: false, withNegated: false },
      port: { kind: 'parsed', parse: integer(0, 65535), brief: 'Port; 0 takes any', placeholder: 'PORT', default: '0' },
      ...threadFlags,
      ...outputFlags,
    },
  },
  async func(flags) {
    const console = new Console(this.io, flags);
    const { takeDemoFolder } = await import('../demo/demo-folder.ts');
    const { runFederation } = await import('../demo/federation/run-federation.ts');
    const { out: folder, stay, port, threads } = flags;
    await requireFreePort(port);
    await takeDemoFolder(folder);
    await runFederation({ console, folder, stay, port, threads });
  },
});
