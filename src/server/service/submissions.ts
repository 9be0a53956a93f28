/**
 * Trained models that come back. The file and the signed record are checked first, without a secret, and a model whose record
 * fails is not kept: its upload gives way like any that nothing was made of. Then, counted and
 * noted before it happens, the weights are opened and the owner's gates run on them. What a trainer learns is whether each
 * gate was passed: bits that the ledger of unlocked answers counts, for a submission can ask as well as a prediction.
 */
import { createHash } from 'node:crypto';
import { HermeticError } from '../../base/errors.ts';
import { passedAll } from '../../owner/gates.ts';
import { canonicalJson } from '../../protocol/canonical-json.ts';
import type { GateResult, Gates, ServedModel, SubmissionRequest } from '../../protocol/service/types.ts';
import { recordDigest, type TrainingRecord, verifyTrainingRecord } from '../../protocol/training-record.ts';
import { denied, found, problem } from '../problems.ts';
import { appendAudit } from '../store/audit-log.ts';
import type { Database } from '../store/database.ts';
import type { ModelRow, NetworkRow, PartyRow, UploadRow } from '../store/tables.ts';
import { type Judgement, MODEL_FIELDS, type ModelFacts } from '../vault/jobs.ts';
import { carriedKeys, chargeKeys } from './charging.ts';
import { type ServiceContext, transact } from './context.ts';
import { figureColumns, findModel, type ModelWithSize } from './models.ts';
import { findNetwork } from './networks.ts';
import type { Call } from './route.ts';
import { completeUpload, holdUploads } from './uploads.ts';
import { trainerModelView } from './views.ts';

/** What a submission is judged by. */
interface Handin {
  readonly party: PartyRow;
  readonly network: NetworkRow;
  /** What the party was given. */
  readonly given: ModelWithSize;
  readonly upload: UploadRow;
  readonly after: ModelFacts;
  readonly signed: SubmissionRequest;
}

interface Verdict {
  readonly record: TrainingRecord | undefined;
  readonly gates: readonly GateResult[];
  readonly figures: Judgement['figures'];
}

/** POST /v1/submissions. The same model again is not judged again, unless it was refused. */
export function submit(
  service: ServiceContext,
  { party, body }: Call<SubmissionRequest, unknown>,
): Promise<ServedModel> {
  return service.sequence.of(`submissions ${party.networkId}`, () =>
    holdUploads(service, party.id, async () => {
      const handin = await takeIn(service, party, body);
      const id = handin.after.modelId;
      const known = await service.database.selectFrom('models').selectAll().where('id', '=', id).executeTakeFirst();
      if (known?.status === 'sealed')
        throw problem(400, 'BAD_ARGUMENT', 'this is a model that was handed out, not trained');
      if (known === undefined || known.status === 'refused') {
        const { record, result } = await judgeRecord(handin);
        if (record === undefined || !result.passed) return turnAway(service, handin, result);
        await enter(service, handin, await judge(service, handin, record, result));
      }
      return trainerModelView(await findModel(service, id));
    }),
  );
}

/** Noted, and nothing kept. */
async function turnAway(service: ServiceContext, handin: Handin, result: GateResult): Promise<ServedModel> {
  const { party, network, upload } = handin;
  const now = service.now();
  const row = await modelRow(handin, { record: undefined, gates: [result], figures: undefined }, now);
  const details = { party: party.id, network: network.id, status: row.status, head: false, failed: result.gate };
  await transact(service, (transaction) =>
    appendAudit(transaction, now, { actor: party.name, action: 'submit', subject: row.id, details }),
  );
  return trainerModelView({ ...row, bytes: upload.bytes });
}

/** @throws HttpProblem; HermeticError BAD_FILE, WRONG_KEY: all before anything is decrypted */
async function takeIn(service: ServiceContext, party: PartyRow, signed: SubmissionRequest): Promise<Handin> {
  const upload = await completeUpload(service, party.id, signed.uploadId, 'model');
  const network = await findNetwork(service.database, party.networkId ?? '');
  const given = await findModel(service, found(party.modelId ?? undefined, 'model'));
  const set = network.setName;
  const before = await service.vault.run('describeModel', { sha256: given.sha256, set });
  const after = await service.vault.run('describeModel', { sha256: upload.sha256, set });
  if (after.keyId !== party.keyId) {
    throw problem(409, 'WRONG_KEY', 'the model is sealed under another key than this party has', {
      mend: 'Fetch keys and model anew, and train on that.',
    });
  }
  const field = MODEL_FIELDS.find((name) => after.fields[name] !== before.fields[name]);
  if (field !== undefined) {
    throw problem(400, 'BAD_FILE', `this is not the network that was handed out: its ${field} differs`, {
      mend: 'Submit the file that training wrote.',
    });
  }
  return { party, network, given, upload, after, signed };
}

async function judge(
  service: ServiceContext,
  handin: Handin,
  record: TrainingRecord,
  result: GateResult,
): Promise<Verdict> {
  const { network, given, upload, after } = handin;
  const gates = JSON.parse(network.gates) as Gates;
  await requirePatience(service, after.keyId);
  await charge(service, handin, gates);
  const { results, figures } = await service.vault.run('judge', {
    keyId: after.keyId,
    set: network.setName,
    before: given.sha256,
    after: upload.sha256,
    heldOut: network.heldOutSha256 ?? undefined,
    architecture: network.architecture,
    features: network.features,
    gates,
  });
  return { record, gates: [result, ...results], figures };
}

/** Signed by this party, of this model, and chained to the record of what it was given. */
async function judgeRecord({
  party,
  given,
  after,
  signed,
}: Handin): Promise<{ record?: TrainingRecord; result: GateResult }> {
  const verdict = (passed: boolean, detail: string): GateResult => ({ gate: 'record', passed, detail });
  if (party.publicKey === null)
    return { result: verdict(false, 'the invitation was accepted without a key to sign with') };
  let record: TrainingRecord;
  try {
    record = await verifyTrainingRecord(signed, party.publicKey);
  } catch (error) {
    if (!(error instanceof HermeticError)) throw error;
    return { result: verdict(false, error.summary.slice(0, 500)) };
  }
  const expected = { model: after.modelId, parentModel: given.id, keyId: after.keyId, previous: given.recordDigest };
  const wrong = (['model', 'parentModel', 'keyId', 'previous'] as const).find(
    (field) => record[field] !== expected[field],
  );
  if (wrong !== undefined) return { record, result: verdict(false, `the record names another ${NAMES[wrong]}`) };
  return { record, result: verdict(true, `signed, of ${record.steps} steps on ${record.rows} rows, and chained`) };
}

const NAMES = {
  model: 'model than the one that was handed in',
  parentModel: 'model to have started from than the one that this party was given',
  keyId: 'key',
  previous: 'predecessor than the record of the model that was given',
} as const;

/** Models of one key that are judged: verdicts count under the keys of all who trained before, who shall not be spent. */
const MOST_VERDICTS = 16;

async function requirePatience({ database }: ServiceContext, keyId: string): Promise<void> {
  const judged = await database
    .selectFrom('unlockAnswers')
    .select('predictions')
    .distinct()
    .where('keyId', '=', keyId)
    .where('release', 'like', `gates % ${ofKey(keyId)}`)
    .execute();
  if (judged.length < MOST_VERDICTS) return;
  throw denied(`${MOST_VERDICTS} models of this key were judged already`, 'Ask the owner for a fresh key.');
}

/** Verdicts are entered under earlier trainers' keys as well: this tells whose model was judged. */
function ofKey(keyId: string): string {
  return `of ${keyId.slice(0, 16)}`;
}

/** A bit for each gate, and one for weights that cannot be opened at all: no more can be told by the outcome. */
async function charge(service: ServiceContext, { party, after }: Handin, gates: Gates): Promise<void> {
  const { keyId, modelId } = after;
  const settings = Object.entries(gates).filter(([, limit]) => limit !== undefined);
  const release = `gates ${createHash('sha256')
    .update(canonicalJson(Object.fromEntries(settings)))
    .digest('hex')
    .slice(0, 32)} ${ofKey(keyId)}`;
  const bits = 1 + settings.length;
  const details = { party: party.id, key: keyId, bits };
  const keys = [keyId, ...(await carriedKeys(service.database, keyId))];
  await chargeKeys(service, keys, [{ predictions: modelId, row: 0, release, bits }], (transaction) =>
    appendAudit(transaction, service.now(), { actor: party.name, action: 'gate', subject: modelId, details }),
  );
}

/**
 * Accepted, a model becomes the head where the party was given the head that still is it. Where another was accepted
 * meanwhile, it stays beside that one: nobody's work is lost, and the owner goes on with either.
 */
async function enter(service: ServiceContext, handin: Handin, { record, gates, figures }: Verdict): Promise<void> {
  const now = service.now();
  const row = await modelRow(handin, { record, gates, figures }, now);
  await transact(service, async (transaction) => {
    await insertModel(transaction, row, handin);
    const head = row.status === 'accepted' && (await moveHead(transaction, row, handin.given));
    const failed = gates.filter(({ passed }) => !passed).map(({ gate }) => gate);
    const { name, id: party } = handin.party;
    const outcome = { party, network: row.networkId, status: row.status, head };
    const details = failed.length === 0 ? outcome : { ...outcome, failed: failed.join(', ') };
    await appendAudit(transaction, now, { actor: name, action: 'submit', subject: row.id, details });
  });
  service.events.emit('model', row.id, now);
}

async function modelRow(
  { party, network, given, upload, after, signed }: Handin,
  { record, gates, figures }: Verdict,
  createdAt: Date,
): Promise<ModelRow> {
  return {
    id: after.modelId,
    networkId: network.id,
    parentId: given.id,
    partyId: party.id,
    keyId: after.keyId,
    status: passedAll(gates) ? 'accepted' : 'refused',
    createdAt,
    round: given.round + 1,
    sha256: upload.sha256,
    steps: record?.steps ?? null,
    rows: record?.rows ?? null,
    epsilon: record?.privacy?.epsilon ?? null,
    ...figureColumns(figures),
    gates: JSON.stringify(gates),
    recordDigest: record === undefined ? null : await recordDigest(signed.record),
  };
}

async function insertModel(transaction: Database, row: ModelRow, { party, upload, signed }: Handin): Promise<void> {
  const { id, createdAt, recordDigest: digest, ...change } = row;
  await transaction
    .insertInto('models')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ ...change, createdAt, recordDigest: digest }))
    .execute();
  if (digest !== null) {
    const { record, signature } = signed;
    await transaction
      .insertInto('records')
      .values({ digest, modelId: id, partyId: party.id, record, signature, createdAt })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
  await transaction.updateTable('uploads').set({ usedAt: createdAt }).where('id', '=', upload.id).execute();
}

/** True where the model that the party was given was sealed from what still is the head. */
async function moveHead(transaction: Database, { id, networkId }: ModelRow, given: ModelRow): Promise<boolean> {
  const { numUpdatedRows } = await transaction
    .updateTable('networks')
    .set({ headId: id })
    .where('id', '=', networkId)
    .where('headId', '=', given.parentId ?? '')
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}
