/** Tells the service how far a run is: seldom, never two reports at once, and never at the cost of the run. */

import type { ServiceClient } from '../../client/service-client.ts';
import type { Progress } from '../../protocol/service/types.ts';
import type { TrainListener } from '../train-file.ts';

const PAUSE_MS = 2000;
const TIMEOUT_MS = 5000;

export class ProgressReporter {
  /** To listen to the run with. */
  readonly listener: Required<TrainListener>;
  readonly #client: Pick<ServiceClient, 'reportProgress'>;
  #batch = 0;
  #run: string | undefined;
  #newest: Progress | undefined;
  #busy: Promise<void> | undefined;
  #last = Number.NEGATIVE_INFINITY;

  constructor(client: Pick<ServiceClient, 'reportProgress'>) {
    this.#client = client;
    this.listener = {
      recipe: ({ batch }) => {
        this.#batch = batch;
      },
      begun: (run) => {
        this.#run = run;
      },
      step: ({ step, steps, ms }) => {
        this.#newest = { step: step + 1, steps, rowsPerSecond: (1000 * this.#batch) / Math.max(ms, 1e-3) };
        if (performance.now() - this.#last >= PAUSE_MS) this.#report();
      },
    };
  }

  /** The newest state has been told, or could not be. */
  async finish(): Promise<void> {
    await this.#busy;
    this.#report();
    await this.#busy;
  }

  #report(): void {
    if (this.#run === undefined || this.#newest === undefined || this.#busy !== undefined) return;
    this.#last = performance.now();
    const told = this.#newest;
    this.#newest = undefined;
    // A service that is away is noticed by the refreshes.
    this.#busy = this.#client
      .reportProgress(this.#run, told, { signal: AbortSignal.timeout(TIMEOUT_MS) })
      .then(
        () => {},
        () => {},
      )
      .finally(() => {
        this.#busy = undefined;
      });
  }
}
