/** Runs of trainers, as they report them. */
import type { Progress, RunHistory, ServedRun } from '../../protocol/service/types.ts';
import { denied, found } from '../problems.ts';
import { appendSample, readSamples } from '../store/run-history.ts';
import { type ServiceContext, transact } from './context.ts';
import type { Call } from './route.ts';
import { runView } from './views.ts';

const MOST_RUNS = 1000;

/** PUT /v1/runs/{run} */
export async function reportRun(
  service: ServiceContext,
  { party, params, body }: Call<Progress, unknown>,
): Promise<ServedRun> {
  const now = service.now();
  const { step, steps, rowsPerSecond } = body;
  const row = await transact(service, async (transaction) => {
    const { count } = await transaction
      .selectFrom('runs')
      .select((build) => build.fn.countAll<number>().as('count'))
      .where('partyId', '=', party.id)
      .where('id', '!=', params.run)
      .executeTakeFirstOrThrow();
    if (count >= MOST_RUNS) throw denied('this party has made too many runs');
    const seen = { step, steps, rowsPerSecond, lastSeenAt: now };
    const reported = await transaction
      .insertInto('runs')
      .values({ partyId: party.id, id: params.run, networkId: party.networkId ?? '', startedAt: now, ...seen })
      .onConflict((conflict) => conflict.columns(['partyId', 'id']).doUpdateSet(seen))
      .returningAll()
      .executeTakeFirstOrThrow();
    await appendSample(transaction, reported);
    return reported;
  });
  service.events.emit('run', params.run, now);
  return runView(row, now);
}

/** GET /v1/parties/{id}/runs/{run} */
export async function showRun(service: ServiceContext, { params }: Call<unknown, unknown>): Promise<RunHistory> {
  const { database } = service;
  const { id: partyId, run: id } = params;
  const query = database.selectFrom('runs').selectAll().where('partyId', '=', partyId).where('id', '=', id);
  const row = found(await query.executeTakeFirst(), 'run');
  return { run: runView(row, service.now()), samples: await readSamples(database, partyId, id) };
}
