/** What the owner's views share: the overview, kept fresh by the service's events, and the curves of its runs. */
import type { ServiceClient } from 'hermetic/client';
import { isSignedOut } from '../lib/problem.ts';
import { serviceClient } from '../lib/service.ts';
import { session } from '../lib/session.svelte.ts';
import type { Overview } from '../lib/types.ts';
import { RunHistory } from './run-history.ts';

const POLL_MS = 10_000;
/** Events of one moment are one question. */
const GATHER_MS = 150;

export class OwnerData {
  readonly client: ServiceClient;
  readonly history: RunHistory = new RunHistory();
  overview: Overview | undefined = $state.raw();
  error: unknown = $state.raw();
  /** Counts what was learned, for views that hold more than the overview. */
  version: number = $state(0);
  readonly #stop: AbortController = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(token: string) {
    this.client = serviceClient(token);
  }

  /** Asks now, after each event, and every few seconds while runs are live. */
  watch(): () => void {
    const { signal } = this.#stop;
    void this.refresh();
    void this.client.events(() => this.#soon(GATHER_MS), { signal }).catch(() => {});
    const poll = setInterval(() => {
      if (document.visibilityState === 'visible') void this.refresh();
    }, POLL_MS);
    return () => {
      clearInterval(poll);
      clearTimeout(this.#timer);
      this.#stop.abort();
    };
  }

  async refresh(): Promise<void> {
    try {
      const overview = await this.client.overview({ signal: this.#stop.signal });
      this.history.add(overview.runs, Date.now());
      this.overview = overview;
      this.error = undefined;
      this.version++;
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      if (!signedOut(error)) this.error = error;
    }
  }

  partyName(id: string | undefined): string {
    if (id === undefined) return 'Owner';
    return this.overview?.parties.find((party) => party.id === id)?.name ?? 'Unknown party';
  }

  networkName(id: string): string {
    return this.overview?.networks.find((network) => network.id === id)?.name ?? 'Unknown network';
  }

  #soon(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.refresh(), ms);
  }
}

/** Where the token is not known any more, back to the door; true then. */
export function signedOut(error: unknown): boolean {
  if (!isSignedOut(error)) return false;
  session.signOut('Your token is no longer valid. Sign in again.');
  return true;
}
