/** `hermetic bench`: how fast this machine computes on ciphertexts. Comparisons with other libraries: npm run bench. */

import { buildCommand, type Command } from '@stricli/core';
import { Console, toJsonLine } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { type OutputFlags, outputFlags, type ThreadFlags, threadFlags } from '../flags.ts';
import { text } from '../parsers.ts';

interface Flags extends ThreadFlags, OutputFlags {
  readonly set: string;
}

export const bench: Command<HermeticContext> = buildCommand<Flags, [], HermeticContext>({
  docs: {
    brief: 'Time the operations on ciphertexts on this machine',
    fullDescription: '  hermetic bench --set L14 --threads 1 --json        one JSON object a line',
  },
  parameters: {
    flags: {
      set: {
        kind: 'parsed',
        parse: text,
        brief: 'Parameter set: L13, L14, L15 or B16',
        placeholder: 'SET',
        default: 'L14',
      },
      ...threadFlags,
      ...outputFlags,
    },
  },
  func: runBench,
});

async function runBench(this: HermeticContext, flags: Flags): Promise<void> {
  const console = new Console(this.io, flags);
  const { measureOperations } = await import('../operations.ts');
  for await (const { name, ms, logN, logQP, threads } of measureOperations(flags.set, flags.threads, this.io.signal)) {
    if (console.json) this.io.stdout.write(toJsonLine({ name, logN, logQP, threads, ms }));
    else this.io.stdout.write(`${name.padEnd(34)}${ms.toFixed(ms < 10 ? 3 : 1).padStart(10)} ms\n`);
  }
}
