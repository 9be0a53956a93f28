/** What the owner's views share: the overview, kept fresh by the service's events, and the curves of its runs. */
import type { ServiceClient } from 'hermetic/client';
import { isSignedOut } from '../lib/problem.ts';
import { serviceClient } from '../lib/service.ts';
import { session } from '../lib/session.svelte.ts';
import type { Overview } from '../lib/types.ts';
import { drawnRuns, RunHistory, runKey } from './run-history.ts';

const POLL_MS = 10_000;
/** Events of one moment are one question. */
const GATHER_MS = 150;

export class OwnerData {
  readonly client: ServiceClient;
  readonly history: RunHistory = new RunHistory();
  /** Counts what was learned of the past of runs. */
  pastVersion: number = $state(0);
  overview: Overview | undefined = $state.raw();
  error: unknown = $state.raw();
  /** Counts what was learned, for views that hold more than the overview. */
  version: number = $state(0);
  /** Runs whose past is known. */
  readonly #filled: Set<string> = new Set();
  readonly #stop: AbortController = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(token: string) {
    this.client = serviceClient(token);
  }

  /** Asks now, after each event, and every few seconds while runs are live. */
  watch(): () => void {
    const { signal } = this.#stop;
    void this.refresh();
    let opened = false;
    const onOpen = (): void => {
      if (opened) this.#missed();
      // What happened since the first question was answered is not told either.
      else this.#soon(GATHER_MS);
      opened = true;
    };
    void this.client.events(() => this.#soon(GATHER_MS), { signal, onOpen }).catch(() => {});
    const back = (): void => {
      if (document.visibilityState === 'visible') this.#missed();
    };
    document.addEventListener('visibilitychange', back, { signal });
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
      void this.#learnPast(overview.runs);
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

  /** Something may have happened while nobody listened. */
  #missed(): void {
    this.#filled.clear();
    this.#soon(GATHER_MS);
  }

  /** The curves of runs from before the page looked. Without them the page draws what it sees. */
  async #learnPast(runs: Overview['runs']): Promise<void> {
    const { signal } = this.#stop;
    for (const run of drawnRuns(runs).filter((one) => !this.#filled.has(runKey(one)))) {
      this.#filled.add(runKey(run));
      try {
        this.history.fill(run, (await this.client.runHistory(run.partyId, run.id, { signal })).samples);
        this.pastVersion++;
      } catch {
        this.#filled.delete(runKey(run));
        return;
      }
    }
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
