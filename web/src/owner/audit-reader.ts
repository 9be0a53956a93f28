/** Reads the audit log from its beginning on, a few pages at a time, and remembers where it stopped. */
import type { AuditEntry, AuditPage } from '../lib/types.ts';

export interface AuditState {
  readonly entries: readonly AuditEntry[];
  /** As the service says of the whole chain, and as the entries read so far say of themselves. */
  readonly intact: boolean;
  /** The end was reached. */
  readonly complete: boolean;
}

type AskAudit = (query: { readonly after: number; readonly limit: number }) => Promise<AuditPage>;

const LIMIT = 500;
const PAGES_AT_ONCE = 20;

export class AuditReader {
  readonly #ask: AskAudit;
  #entries: AuditEntry[] = [];

  constructor(ask: AskAudit) {
    this.#ask = ask;
  }

  /** Reads on to the end, or as far as is sensible at once. */
  async more(): Promise<AuditState> {
    let intact = true;
    for (let pages = 0; pages < PAGES_AT_ONCE; pages++) {
      const page = await this.#ask({ after: this.#entries.at(-1)?.seq ?? 0, limit: LIMIT });
      const last = this.#entries.at(-1)?.seq ?? 0;
      this.#entries = [...this.#entries, ...page.entries.filter(({ seq }) => seq > last)];
      intact &&= page.intact;
      if (page.next === undefined) return this.#state(intact, true);
    }
    return this.#state(intact, false);
  }

  #state(intact: boolean, complete: boolean): AuditState {
    return { entries: this.#entries, intact: intact && linked(this.#entries), complete };
  }
}

/** Each entry names the hash of the one before it. */
function linked(entries: readonly AuditEntry[]): boolean {
  return entries.every(({ previous }, i) => i === 0 || previous === entries[i - 1].hash);
}

/** "rows 12, mode manual": details in a line. */
export function detailsText(details: AuditEntry['details']): string {
  return Object.entries(details)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}
