/**
 * Reads the audit log by pages, from its newest entry back or from its oldest on, and compares what it is given: entries
 * that follow one another are linked by their hashes, and an entry that was seen before is what it was.
 */
import { formatTime, spacedWords } from '../lib/format.ts';
import type { AuditEnd, AuditEntry, AuditPage, AuditQuery } from '../lib/types.ts';

export type AuditFilter = Pick<AuditQuery, 'order' | 'actor' | 'action' | 'network'>;

export interface AuditState {
  readonly entries: readonly AuditEntry[];
  /** Entries of earlier pages. */
  readonly before: number;
  readonly matching: number;
  /** Whether there is a page before this one, and one after. */
  readonly back: boolean;
  readonly on: boolean;
  /** As the service says of the whole chain, and as the entries read so far say of themselves. */
  readonly intact: boolean;
  readonly end: AuditEnd;
  readonly actors: readonly string[];
  readonly actions: readonly string[];
}

type AskAudit = (query: AuditQuery) => Promise<AuditPage>;

export const PAGE = 50;

export class AuditReader {
  readonly #ask: AskAudit;
  readonly #seen: Map<number, Pick<AuditEntry, 'hash' | 'previous'>> = new Map();
  #filter: AuditFilter = { order: 'newest' };
  /** Numbers that the pages up to this one begin behind; the first begins at the end of the log. */
  #cursors: (number | undefined)[] = [undefined];
  #next: number | undefined;
  #broken = false;

  constructor(ask: AskAudit) {
    this.#ask = ask;
  }

  /** True on the first page, where what is new appears. */
  get atStart(): boolean {
    return this.#cursors.length === 1;
  }

  /** Begins anew with other entries. */
  filter(filter: AuditFilter): Promise<AuditState> {
    this.#filter = filter;
    return this.#show([undefined]);
  }

  /** This page as it is now. */
  again(): Promise<AuditState> {
    return this.#show(this.#cursors);
  }

  on(): Promise<AuditState> {
    return this.#show(this.#next === undefined ? this.#cursors : [...this.#cursors, this.#next]);
  }

  back(): Promise<AuditState> {
    return this.#show(this.atStart ? this.#cursors : this.#cursors.slice(0, -1));
  }

  async #show(cursors: (number | undefined)[]): Promise<AuditState> {
    const filter = this.#filter;
    const bound = filter.order === 'newest' ? 'before' : 'after';
    const page = await this.#ask({ ...filter, [bound]: cursors.at(-1), limit: PAGE });
    const { entries, next, matching, end, actors, actions } = page;
    this.#cursors = cursors;
    this.#next = next;
    this.#compare(entries);
    if (filter.actor === undefined && filter.action === undefined && filter.network === undefined) this.#count(entries);
    const before = (cursors.length - 1) * PAGE;
    const intact = page.intact && !this.#broken;
    return {
      entries,
      before,
      matching,
      back: cursors.length > 1,
      on: next !== undefined,
      intact,
      end,
      actors,
      actions,
    };
  }

  #compare(entries: readonly AuditEntry[]): void {
    for (const { seq, hash, previous } of entries) {
      const known = this.#seen.get(seq);
      const [earlier, later] = [this.#seen.get(seq - 1), this.#seen.get(seq + 1)];
      const same = known === undefined || (known.hash === hash && known.previous === previous);
      const linked = (earlier?.hash ?? previous) === previous && (later?.previous ?? hash) === hash;
      if (!same || !linked) this.#broken = true;
      this.#seen.set(seq, { hash, previous });
    }
  }

  /** Where all are shown, none is left out. */
  #count(entries: readonly AuditEntry[]): void {
    const gap = entries.some(({ seq }, i) => i > 0 && Math.abs(seq - entries[i - 1].seq) !== 1);
    if (gap) this.#broken = true;
  }
}

const IDENTIFIER = /^[0-9a-f]{16,64}$/;

/** What an entry is about: a name where it has one, else the first digits of its identifier. */
export function shortName(text: string, nameOf: (id: string) => string | undefined): string {
  if (IDENTIFIER.test(text)) return nameOf(text) ?? text.slice(0, 8);
  return text.length > 24 ? `${text.slice(0, 20)}…` : text;
}

/** "rows 12, mode manual": details in a line. */
export function detailsText(
  details: AuditEntry['details'],
  nameOf: (id: string) => string | undefined = () => undefined,
): string {
  return Object.entries(details)
    .filter(([, value]) => value !== '')
    .map(
      ([name, value]) =>
        `${spacedWords(name)} ${name === 'failed' ? spacedWords(`${value}`) : valueText(`${value}`, nameOf)}`,
    )
    .join(', ');
}

const INSTANT = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

function valueText(value: string, nameOf: (id: string) => string | undefined): string {
  if (IDENTIFIER.test(value)) return shortName(value, nameOf);
  return INSTANT.test(value) ? formatTime(value) : value;
}
