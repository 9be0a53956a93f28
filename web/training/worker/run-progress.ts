/** How far a run is, as the page is told: what happened last, at what speed, and what crossed the wire. */
import type { FitObserver } from 'hermetic/trainer';
import type { Traffic, TrainingState, TrainProgress } from '../api.ts';
import type { RunEntry } from '../storage/run-book.ts';
import type { ByteCounter } from './counting-fetch.ts';

/** Steps that the speed is the mean of. */
const RECENT = 5;

export class RunProgress {
  /** Bytes of this worker's part of the run; `traffic` adds those before a resume. */
  readonly counter: ByteCounter = { sent: 0, received: 0 };
  readonly observer: FitObserver;
  readonly #entry: RunEntry;
  readonly #tell: (progress: TrainProgress) => void;
  readonly #recent: number[] = [];
  readonly #batch: number;
  #refreshes = 0;
  #seconds = 0;
  #stepBegan = 0;
  #now: TrainProgress;

  /** @param batch rows of a step */
  constructor(entry: RunEntry, batch: number, tell: (progress: TrainProgress) => void) {
    this.#entry = entry;
    this.#batch = batch;
    this.#tell = tell;
    this.#now = initial(entry);
    this.observer = {
      warning: (note) => this.update({ note }),
      shadow: ({ proposed, recipe }) => {
        if (proposed) this.update({ note: `learning rate ${recipe.learningRate}, proposed by a run in the clear` });
      },
      plan: ({ freshLevel, recipe }) => this.update({ freshLevel, learningRate: recipe.learningRate }),
      begun: (ownerRun) => this.#begin(ownerRun),
      resumed: (step) => this.update({ step, note: `going on after step ${step}` }),
      phase: (_, { phase, level }) => {
        if (phase === 'refresh') this.#refreshes++;
        this.update({ phase: phase as TrainProgress['phase'], level });
      },
      step: ({ learningRate }) => this.update({ learningRate }),
      retry: (attempt, { summary }) => this.update({ note: `${summary}; attempt ${attempt} …` }),
    };
  }

  get current(): TrainProgress {
    return this.#now;
  }

  get traffic(): Traffic {
    const { sent, received, refreshes } = this.#entry.traffic;
    return {
      sent: sent + this.counter.sent,
      received: received + this.counter.received,
      refreshes: refreshes + this.#refreshes,
    };
  }

  /** Seconds of all steps so far, earlier parts of the run included. */
  get seconds(): number {
    return this.#entry.seconds + this.#seconds;
  }

  update(change: Partial<TrainProgress>): void {
    this.#now = { ...this.#now, note: undefined, ...change, traffic: this.traffic };
    this.#tell(this.#now);
  }

  setState(state: TrainingState): void {
    if (state !== this.#now.state) this.update({ state });
  }

  /** A step is done and in its checkpoint. */
  finishStep(step: number): void {
    const seconds = (performance.now() - this.#stepBegan) / 1000;
    this.#seconds += seconds;
    this.#recent.push(seconds);
    // The first step also builds tables and warms up the compiler: it says little of the others.
    if (this.#recent.length === 2 || this.#recent.length > RECENT) this.#recent.shift();
    const secondsPerStep = this.#recent.reduce((sum, s) => sum + s, 0) / this.#recent.length;
    this.update({
      step,
      phase: undefined,
      secondsPerStep,
      rowsPerSecond: this.#batch / secondsPerStep,
      secondsLeft: secondsPerStep * (this.#now.steps - step),
    });
    this.startClock();
  }

  /** The time before now is no step's. */
  startClock(): void {
    this.#stepBegan = performance.now();
  }

  #begin(ownerRun: string): void {
    this.startClock();
    this.update({ state: this.#now.state === 'checking' ? 'running' : this.#now.state, ownerRun });
  }
}

function initial({ run, ownerRun, step, recipe, traffic }: RunEntry): TrainProgress {
  return {
    state: 'checking',
    run,
    ownerRun,
    step,
    steps: recipe.steps,
    phase: undefined,
    level: undefined,
    freshLevel: undefined,
    rowsPerSecond: undefined,
    secondsPerStep: undefined,
    secondsLeft: undefined,
    learningRate: undefined,
    traffic,
    note: undefined,
  };
}
