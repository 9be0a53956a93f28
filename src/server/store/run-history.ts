/**
 * How a run went, from its first report to its last, in a row of its own that stays small: where it would grow beyond
 * `MOST_SAMPLES`, the sample goes whose neighbours are nearest to each other in time. What is left lies evenly over the run,
 * however long it becomes, and both ends stay.
 */
import type { RunSample } from '../../protocol/service/types.ts';
import type { Database } from './database.ts';
import type { RunRow } from './tables.ts';

export const MOST_SAMPLES = 240;

/** Milliseconds since 1970, step, rows a second. */
type Kept = readonly [at: number, step: number, rowsPerSecond: number];

/** Adds where the run stands now, in the transaction that has just written its row. */
export async function appendSample(
  transaction: Database,
  { partyId, id: runId, step, rowsPerSecond, lastSeenAt }: RunRow,
): Promise<void> {
  const samples = await keptSamples(transaction, partyId, runId);
  const at = lastSeenAt.getTime();
  const earlier = samples.filter(([before]) => before < at);
  const text = JSON.stringify(thinned([...earlier, [at, step, rowsPerSecond]]));
  await transaction
    .insertInto('runHistories')
    .values({ partyId, runId, samples: text })
    .onConflict((conflict) => conflict.columns(['partyId', 'runId']).doUpdateSet({ samples: text }))
    .execute();
}

/** Oldest first; none of a run from before histories were kept. */
export async function readSamples(database: Database, partyId: string, runId: string): Promise<RunSample[]> {
  const samples = await keptSamples(database, partyId, runId);
  return samples.map(([at, step, rowsPerSecond]) => ({ at: new Date(at).toISOString(), step, rowsPerSecond }));
}

async function keptSamples(database: Database, partyId: string, runId: string): Promise<readonly Kept[]> {
  const row = await database
    .selectFrom('runHistories')
    .select('samples')
    .where('partyId', '=', partyId)
    .where('runId', '=', runId)
    .executeTakeFirst();
  return row === undefined ? [] : (JSON.parse(row.samples) as Kept[]);
}

function thinned(samples: readonly Kept[]): readonly Kept[] {
  if (samples.length <= MOST_SAMPLES) return samples;
  const gap = (i: number): number => samples[i + 1][0] - samples[i - 1][0];
  let least = 1;
  for (let i = 2; i < samples.length - 1; i++) if (gap(i) < gap(least)) least = i;
  return samples.toSpliced(least, 1);
}
