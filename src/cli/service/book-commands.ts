/** `hermetic service audit | watch`: what was done with the secret keys, and what happens now. */

import { buildCommand, type Command } from '@stricli/core';
import { HermeticError } from '../../base/errors.ts';
import type { AuditEntry, AuditPage } from '../../protocol/service/types.ts';
import type { Colors } from '../colors.ts';
import { Console, toJsonLine } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { integer } from '../parsers.ts';
import { openService, type ServiceFlags, serviceFlags, shortId } from './service-flags.ts';
import { shortTime, textTable } from './text-table.ts';

interface AuditFlags extends ServiceFlags {
  readonly after: number | undefined;
  readonly limit: number | undefined;
}

export const audit: Command<HermeticContext> = buildCommand<AuditFlags, [], HermeticContext>({
  docs: {
    brief: 'The audit log: every use of a secret key, chained by hashes',
    fullDescription: 'Exits with code 3 where the chain is broken: entries were changed or removed.',
  },
  parameters: {
    flags: {
      after: {
        kind: 'parsed',
        parse: integer(0),
        brief: 'Only entries after this number',
        placeholder: 'SEQ',
        optional: true,
      },
      limit: {
        kind: 'parsed',
        parse: integer(1, 1000),
        brief: 'Entries at most',
        placeholder: 'COUNT',
        optional: true,
      },
      ...serviceFlags,
    },
  },
  async func(flags) {
    const console = new Console(this.io, flags);
    const client = await openService(console, flags);
    const { after, limit } = flags;
    const query = { ...(after !== undefined && { after }), ...(limit !== undefined && { limit }) };
    const page = await client.audit(query, { signal: this.io.signal });
    if (page.intact || !console.json) console.result({ ...page }, (colors) => auditText(page, colors));
    if (!page.intact) throw broken();
  },
});

function auditText({ entries, next, intact }: AuditPage, colors: Colors): string {
  const columns = [
    { name: '#', align: 'right' } as const,
    { name: 'at' },
    { name: 'actor' },
    { name: 'action' },
    { name: 'subject' },
    { name: 'details' },
  ];
  const table = textTable(colors, columns, entries.map(auditRow));
  const more = next === undefined ? '' : `\nmore: --after ${next}`;
  return `${table}\n${intact ? colors.green('the chain is intact') : colors.red('the chain is broken')}${more}`;
}

function auditRow({ seq, at, actor, action, subject, details }: AuditEntry): string[] {
  const said = Object.entries(details).map(([name, value]) => `${name} ${value}`);
  const short = /^[0-9a-f]{16,64}$/.test(subject) ? shortId(subject) : subject;
  return [`${seq}`, shortTime(at), actor, action, short, said.join(', ')];
}

function broken(): HermeticError {
  return new HermeticError('BAD_FILE', 'the audit log is not as the service wrote it', {
    mend: 'Compare it with a backup: entries were changed or removed.',
  });
}

export const watch: Command<HermeticContext> = buildCommand<ServiceFlags, [], HermeticContext>({
  docs: { brief: 'Tell what happens on the service until Ctrl-C' },
  parameters: { flags: serviceFlags },
  async func(flags) {
    const console = new Console(this.io, flags);
    const client = await openService(console, flags);
    await client.events(
      ({ kind, subject, at }) => {
        const line = console.json
          ? toJsonLine({ kind, subject, at })
          : `${shortTime(at)}  ${kind} ${shortId(subject)}\n`;
        this.io.stdout.write(line);
      },
      { signal: this.io.signal, onOpen: () => console.note(`listening to ${client.url}; Ctrl-C ends it`) },
    );
  },
});
