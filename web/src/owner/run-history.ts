/** The curves of live runs, from what the service said since the page was opened. */
import type { ServedRun } from '../lib/types.ts';

export interface RunSample {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly step: number;
  readonly rowsPerSecond: number;
}

/** More points than a chart has pixels help nobody. */
const MOST_SAMPLES = 1200;

export class RunHistory {
  readonly #samples: Map<string, RunSample[]> = new Map();

  /** Notes where the runs stand. A run that said nothing new adds nothing; one that is gone is forgotten. */
  add(runs: readonly ServedRun[], now: number): void {
    for (const id of this.#samples.keys()) if (!runs.some((run) => run.id === id)) this.#samples.delete(id);
    for (const run of runs) {
      const samples = this.#samples.get(run.id) ?? begin(run);
      const at = Math.min(new Date(run.lastSeenAt).getTime(), now);
      const last = samples.at(-1);
      if (last === undefined || at > last.at) samples.push({ at, step: run.step, rowsPerSecond: run.rowsPerSecond });
      if (samples.length > MOST_SAMPLES) thin(samples);
      this.#samples.set(run.id, samples);
    }
  }

  samples(run: string): readonly RunSample[] {
    return this.#samples.get(run) ?? [];
  }
}

/** A run starts at step 0 at a known time; its speed then is not known. */
function begin({ startedAt, step }: ServedRun): RunSample[] {
  return step === 0 ? [] : [{ at: new Date(startedAt).getTime(), step: 0, rowsPerSecond: Number.NaN }];
}

/** Every second sample of the older half goes. */
function thin(samples: RunSample[]): void {
  const half = Math.floor(samples.length / 2);
  const kept = samples.filter((_, i) => i >= half || i % 2 === 0);
  samples.splice(0, samples.length, ...kept);
}

/** Time that is left at the pace so far; NaN before the first step. */
export function remainingMs({ step, steps, startedAt, lastSeenAt }: ServedRun): number {
  const spent = new Date(lastSeenAt).getTime() - new Date(startedAt).getTime();
  return step === 0 ? Number.NaN : (spent / step) * (steps - step);
}

/** Columns for a chart over time: all times in order, and for each run its values, null where it said nothing. */
export function alignSamples(
  series: readonly (readonly RunSample[])[],
  value: (sample: RunSample) => number,
): { readonly times: number[]; readonly values: (number | null)[][] } {
  const known = series.map(
    (samples) =>
      new Map(samples.map((sample) => [sample.at, value(sample)] as const).filter(([, found]) => !Number.isNaN(found))),
  );
  const times = [...new Set(known.flatMap((points) => [...points.keys()]))].sort((a, b) => a - b);
  const values = known.map((points) => times.map((time) => points.get(time) ?? null));
  return { times, values };
}
