/** The curves of runs: what the service kept of them, and what it said since the page was opened. */
import type { ServedRun, RunSample as ServedSample } from '../lib/types.ts';

export interface RunSample {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly step: number;
  readonly rowsPerSecond: number;
}

/** More points than a chart has pixels help nobody. */
const MOST_SAMPLES = 1200;

type RunName = Pick<ServedRun, 'partyId' | 'id'>;

export class RunHistory {
  readonly #samples: Map<string, RunSample[]> = new Map();

  /** Notes where the runs stand. A run that said nothing new adds nothing; one that is gone is forgotten. */
  add(runs: readonly ServedRun[], now: number): void {
    const known = new Set(runs.map(runKey));
    for (const key of this.#samples.keys()) if (!known.has(key)) this.#samples.delete(key);
    for (const run of runs) {
      const samples = this.#samples.get(runKey(run)) ?? [];
      const at = Math.min(new Date(run.lastSeenAt).getTime(), now);
      const last = samples.at(-1);
      // A refresh is a sign of life as well, and tells no step.
      const told = last === undefined || run.step !== last.step || run.rowsPerSecond !== last.rowsPerSecond;
      if (told && at > (last?.at ?? 0)) samples.push({ at, step: run.step, rowsPerSecond: run.rowsPerSecond });
      if (samples.length > MOST_SAMPLES) thin(samples);
      this.#samples.set(runKey(run), samples);
    }
  }

  /** Puts what the service kept of a run to what is known of it. */
  fill(run: RunName, served: readonly ServedSample[]): void {
    const kept = served.map(({ at, step, rowsPerSecond }) => ({ at: new Date(at).getTime(), step, rowsPerSecond }));
    const last = kept.at(-1);
    if (last === undefined) return;
    const newer = this.samples(run).filter(({ at, step }) => at > last.at && step !== last.step);
    this.#samples.set(runKey(run), [...kept, ...newer]);
  }

  samples(run: RunName): readonly RunSample[] {
    return this.#samples.get(runKey(run)) ?? [];
  }
}

/** Two trainers may have given their runs the same name. */
export function runKey({ partyId, id }: RunName): string {
  return `${partyId}/${id}`;
}

const ORDER: readonly ServedRun['state'][] = ['running', 'silent', 'finished'];
const MOST_CURVES = 5;

/** Live ones first, of those the one that said something last. */
export function orderRuns(runs: readonly ServedRun[]): ServedRun[] {
  return runs.toSorted(
    (a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || b.lastSeenAt.localeCompare(a.lastSeenAt),
  );
}

/** Those whose curves are drawn: the live ones, or where there is none the one that finished last. */
export function drawnRuns(runs: readonly ServedRun[]): ServedRun[] {
  const ordered = orderRuns(runs);
  const live = ordered.filter(({ state }) => state !== 'finished').slice(0, MOST_CURVES);
  return live.length > 0 ? live : ordered.slice(0, 1);
}

/** Every second sample of the older half goes. */
function thin(samples: RunSample[]): void {
  const half = Math.floor(samples.length / 2);
  const kept = samples.filter((_, i) => i >= half || i % 2 === 0);
  samples.splice(0, samples.length, ...kept);
}

/** Steps that the pace is the mean of. */
const RECENT = 12;

/** Time that is left at the pace of the last steps; NaN where no pace is known. */
export function remainingMs({ step, steps }: ServedRun, samples: readonly RunSample[]): number {
  const last = samples.at(-1);
  const from = samples.find((sample) => sample.step >= step - RECENT);
  if (last === undefined || from === undefined || last.step <= from.step) return Number.NaN;
  return ((last.at - from.at) / (last.step - from.step)) * (steps - step);
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
