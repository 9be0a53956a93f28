/** `hermetic submit`: a trainer hands in what it trained, where `hermetic train` could not or was told not to. */

import { buildCommand, type Command } from '@stricli/core';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { type OutputFlags, outputFlags } from '../flags.ts';
import { text } from '../parsers.ts';

export const submit: Command<HermeticContext> = buildCommand<OutputFlags, [string], HermeticContext>({
  docs: {
    brief: 'Hand in what was trained in a joined folder',
    fullDescription: [
      'Sends trained.sealed and its signed record. An upload that broke off goes on where it was. Exits with code 4 where',
      "the owner's gates refuse the model.",
      '',
      '  hermetic submit churn',
    ].join('\n'),
  },
  parameters: {
    flags: outputFlags,
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'Folder that hermetic join made', parse: text, placeholder: 'FOLDER' }],
    },
  },
  func: runSubmit,
});

async function runSubmit(this: HermeticContext, flags: OutputFlags, folder: string): Promise<void> {
  const console = new Console(this.io, flags);
  const { openJoinedFolder } = await import('../service/joined-folder.ts');
  const { submitTrained } = await import('../service/submission.ts');
  const { answerWords, requireAccepted } = await import('../service/train-joined.ts');
  const answer = await submitTrained(console, await openJoinedFolder(console, folder));
  requireAccepted(answer);
  console.result({ ...answer }, () => answerWords(answer));
}
