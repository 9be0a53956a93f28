/** `hermetic service audit | watch`: what was done with the secret keys, and what happens now. */

import { buildCommand, type Command } from '@stricli/core';
import { HermeticError } from '../../base/errors.ts';
import type { ServiceClient } from '../../client/service-client.ts';
import type { AuditEntry, AuditPage, AuditQuery } from '../../protocol/service/types.ts';
import type { Colors } from '../colors.ts';
import { Console, toJsonLine } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { formatCount, spacedWords } from '../format.ts';
import { integer, text } from '../parsers.ts';
import { findNetwork, openService, type ServiceFlags, serviceFlags, shortId } from './service-flags.ts';
import { shortTime, textTable } from './text-table.ts';

const sequence = { kind: 'parsed', parse: integer(0), placeholder: 'SEQ', optional: true } as const;
const words = { kind: 'parsed', parse: text, optional: true } as const;

interface AuditFlags extends ServiceFlags {
  readonly after: number | undefined;
  readonly before: number | undefined;
  readonly limit: number | undefined;
  readonly actor: string | undefined;
  readonly action: string | undefined;
  readonly network: string | undefined;
}

export const audit: Command<HermeticContext> = buildCommand<AuditFlags, [], HermeticContext>({
  docs: {
    brief: 'The audit log: every use of a secret key, chained by hashes',
    fullDescription: [
      'The newest entries first; with --after the oldest first, from there on.',
      'Exits with code 3 where the chain is broken: entries were changed or removed.',
      '',
      '  hermetic service audit --action unlock --actor owner --limit 20 --token-file owner.token',
    ].join('\n'),
  },
  parameters: {
    flags: {
      before: { ...sequence, brief: 'Only entries before this number: the next page' },
      after: { ...sequence, brief: 'Only entries after this number, the oldest first' },
      limit: {
        kind: 'parsed',
        parse: integer(1, 1000),
        brief: 'Entries at most (default: 100)',
        placeholder: 'COUNT',
        optional: true,
      },
      actor: { ...words, brief: "Only what this one did: 'owner', 'service' or a trainer's name", placeholder: 'NAME' },
      action: { ...words, brief: 'Only this: refresh, seal, open, unlock, …', placeholder: 'ACTION' },
      network: { ...words, brief: 'Only of this network, its parties, keys and models', placeholder: 'NETWORK' },
      ...serviceFlags,
    },
  },
  async func(flags) {
    const console = new Console(this.io, flags);
    const { signal } = this.io;
    const client = await openService(console, flags);
    const page = await client.audit(await auditQuery(client, flags, signal), { signal });
    if (page.intact || !console.json) console.result({ ...page }, (colors) => auditText(page, flags, colors));
    if (!page.intact) throw broken();
  },
});

async function auditQuery(client: ServiceClient, flags: AuditFlags, signal: AbortSignal): Promise<AuditQuery> {
  const { after, before, limit, actor, action, network: named } = flags;
  const network = named && findNetwork(await client.overview({ signal }), named).id;
  return { order: orderOf(flags), after, before, limit, actor, action, network };
}

function orderOf({ after }: Pick<AuditFlags, 'after'>): 'oldest' | 'newest' {
  return after === undefined ? 'newest' : 'oldest';
}

function auditText({ entries, next, intact, matching, end }: AuditPage, flags: AuditFlags, colors: Colors): string {
  const columns = [
    { name: '#', align: 'right' } as const,
    { name: 'at' },
    { name: 'actor' },
    { name: 'action' },
    { name: 'subject' },
    { name: 'details' },
  ];
  const table = textTable(colors, columns, entries.map(auditRow));
  const state = intact
    ? `${colors.green('the chain is intact')}: ${formatCount(end.seq)} entries, the last has hash ${end.hash}`
    : colors.red('the chain is broken');
  const shown = `${formatCount(entries.length)} of ${formatCount(matching)} entries`;
  const more = next === undefined ? '' : `; more: --${orderOf(flags) === 'newest' ? 'before' : 'after'} ${next}`;
  return `${table}\n${shown}${more}\n${state}`;
}

function auditRow({ seq, at, actor, action, subject, details }: AuditEntry): string[] {
  const said = Object.entries(details)
    .filter(([, value]) => value !== '')
    .map(
      ([name, value]) => `${spacedWords(name)} ${name === 'failed' ? spacedWords(String(value)) : shortened(value)}`,
    );
  return [`${seq}`, shortTime(at), actor, action, shortened(subject), said.join(', ')];
}

/** Identifiers and hashes by their first digits, instants to the minute; whole in --json. */
function shortened(value: AuditEntry['details'][string]): string {
  const said = String(value);
  if (/^[0-9a-f]{16,64}$/.test(said)) return shortId(said);
  return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(said) ? shortTime(said) : said;
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
