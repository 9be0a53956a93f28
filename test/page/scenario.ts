/** A service that has been in use for a month: networks, trainers, runs, requests, a log. For screens and their tests. */
import { createHash } from 'node:crypto';
import type {
  AuditEntry,
  Party,
  RunSample,
  ServedKey,
  ServedModel,
  ServedNetwork,
  ServedRun,
  UnlockView,
} from '../../src/protocol/service/types.ts';

export interface World {
  networks: ServedNetwork[];
  models: ServedModel[];
  parties: Party[];
  runs: ServedRun[];
  unlocks: UnlockView[];
  keys: ServedKey[];
  /** By party and name of the run, as in addresses. */
  histories: Map<string, RunSample[]>;
  audit: AuditEntry[];
}

export function hex(name: string, digits: number = 32): string {
  return createHash('sha256').update(name).digest('hex').slice(0, digits);
}

/** Minutes before (or, negative, after) now. */
export function ago(minutes: number): string {
  return new Date(Date.now() - minutes * 60_000).toISOString();
}

const DAY = 1440;

function model(
  name: string,
  values: Partial<ServedModel> & Pick<ServedModel, 'networkId' | 'round' | 'createdAt'>,
): ServedModel {
  return {
    id: hex(name),
    keyId: hex(`key ${values.partyId ?? 'owner'}`),
    status: 'sealed',
    bytes: 3_406_112,
    sha256: hex(`${name} file`, 64),
    gates: [],
    ...values,
  };
}

function party(name: string, networkId: string, values: Partial<Party> = {}): Party {
  return {
    id: hex(`party ${name}`),
    name,
    role: 'trainer',
    networkId,
    createdAt: ago(20 * DAY),
    expiresAt: ago(-14 * DAY),
    keyId: hex(`key ${name}`),
    refreshes: { used: 0, budget: 2000 },
    ...values,
  };
}

/** The key that a party has, or had before it was given another. */
function key(owner: Party, used: number, values: Partial<ServedKey> = {}): ServedKey {
  const limit = 517;
  const { id: partyId, networkId = '', createdAt, keyId = '' } = owner;
  return { id: keyId, networkId, partyId, createdAt, bits: { used, left: limit - used, limit }, ...values };
}

/** A run that began slowly, then waited for a while. */
function history({ startedAt, step, rowsPerSecond }: ServedRun, secondsPerStep: number): RunSample[] {
  return Array.from({ length: step }, (_, i) => ({
    at: new Date(Date.parse(startedAt) + (i + (i > step / 2 ? 2 : 0)) * secondsPerStep * 1000).toISOString(),
    step: i + 1,
    rowsPerSecond: rowsPerSecond * (i === 0 ? 0.6 : 0.9 + 0.05 * (i % 4)),
  }));
}

const LABELS = { mode: 'manual', rows: 200, release: { kind: 'label' } } as const;

function passed(accuracy: string, before: string): ServedModel['gates'] {
  return [
    { gate: 'record', passed: true, detail: 'signed by this party, chained to the record before it' },
    { gate: 'finite', passed: true, detail: 'all 32,009 weights are numbers' },
    { gate: 'accuracyDrop', passed: true, detail: `${accuracy} after ${before}; at most 1 point may be lost` },
    { gate: 'normChange', passed: true, detail: '‖Δw‖/‖w‖ = 0.31; at most 0.8' },
  ];
}

function pending(
  name: string,
  { id: partyId, networkId = '', keyId = '' }: Party,
  values: Pick<UnlockView, 'createdAt' | 'rows' | 'bits'>,
): UnlockView {
  return { id: hex(name), partyId, networkId, keyId, status: 'pending', ...values };
}

/** Everything at once. */
export function busyWorld(): World {
  const reviews = hex('network reviews');
  const readmission = hex('network readmission');
  const north = party('Hospital North', reviews, {
    refreshes: { used: 412, budget: 2000 },
    unlocks: { rows: 34, policy: LABELS },
    lastSeenAt: ago(0.2),
  });
  const lab = party('Lab Œdegaard & Sons', reviews, {
    refreshes: { used: 96, budget: 100 },
    unlocks: { rows: 0, policy: { mode: 'verified', rows: 40, release: { kind: 'rounded', bits: 4, range: [0, 1] } } },
    lastSeenAt: ago(1.5),
    createdAt: ago(12 * DAY),
  });
  const south = party('South Clinic', reviews, {
    revokedAt: ago(3 * DAY),
    lastSeenAt: ago(3.2 * DAY),
    refreshes: { used: 188, budget: 500 },
    createdAt: ago(9 * DAY),
  });
  const fresh = party('Registry Team', reviews, { createdAt: ago(30) });
  const digests = [hex('record 1', 64), hex('record 2', 64)];
  const models = [
    model('m0', { networkId: reviews, round: 0, createdAt: ago(28 * DAY), accuracy: 0.5012, loss: 0.2688 }),
    model('m1', { networkId: reviews, round: 0, createdAt: ago(20 * DAY), parentId: hex('m0'), partyId: north.id }),
    model('m2', {
      networkId: reviews,
      round: 1,
      createdAt: ago(18 * DAY),
      parentId: hex('m1'),
      partyId: north.id,
      status: 'accepted',
      accuracy: 0.8431,
      loss: 0.0742,
      steps: 40,
      rows: 12_500,
      recordDigest: digests[0],
      gates: passed('84.31 %', '50.12 %'),
    }),
    model('m3', { networkId: reviews, round: 1, createdAt: ago(12 * DAY), parentId: hex('m2'), partyId: lab.id }),
    model('m4', { networkId: reviews, round: 1, createdAt: ago(9 * DAY), parentId: hex('m2'), partyId: south.id }),
    model('m5', {
      networkId: reviews,
      round: 2,
      createdAt: ago(4 * DAY),
      parentId: hex('m4'),
      partyId: south.id,
      status: 'refused',
      accuracy: 0.6177,
      loss: 0.1913,
      steps: 12,
      rows: 900,
      gates: [
        { gate: 'record', passed: true, detail: 'signed by this party, chained to the record before it' },
        { gate: 'finite', passed: true, detail: 'all 32,009 weights are numbers' },
        { gate: 'accuracyDrop', passed: false, detail: '61.77 % after 84.31 %; at most 1 point may be lost' },
        { gate: 'normChange', passed: false, detail: '‖Δw‖/‖w‖ = 2.9; at most 0.8' },
      ],
    }),
    model('m6', {
      networkId: reviews,
      round: 2,
      createdAt: ago(2 * DAY),
      parentId: hex('m3'),
      partyId: lab.id,
      status: 'accepted',
      accuracy: 0.8826,
      loss: 0.0571,
      steps: 36,
      rows: 12_500,
      epsilon: 4.2,
      recordDigest: digests[1],
      gates: passed('88.26 %', '84.31 %'),
    }),
    model('m7', {
      networkId: reviews,
      round: 2,
      createdAt: ago(1.9 * DAY),
      parentId: hex('m6'),
      partyId: north.id,
      recordDigest: digests[1],
    }),
    model('m8', {
      networkId: reviews,
      round: 2,
      createdAt: ago(30),
      parentId: hex('m6'),
      partyId: fresh.id,
      recordDigest: digests[1],
    }),
    model('r0', { networkId: readmission, round: 0, createdAt: ago(2 * DAY), bytes: 412_000 }),
  ];
  const runs: ServedRun[] = [
    {
      id: 'run-a',
      partyId: north.id,
      networkId: reviews,
      step: 17,
      steps: 40,
      rowsPerSecond: 785,
      startedAt: ago(26),
      lastSeenAt: ago(0.1),
      state: 'running',
    },
    {
      id: 'run-b',
      partyId: lab.id,
      networkId: reviews,
      step: 31,
      steps: 36,
      rowsPerSecond: 176,
      startedAt: ago(95),
      lastSeenAt: ago(14),
      state: 'silent',
    },
    {
      id: 'run-c',
      partyId: south.id,
      networkId: reviews,
      step: 12,
      steps: 12,
      rowsPerSecond: 402,
      startedAt: ago(4.1 * DAY),
      lastSeenAt: ago(4 * DAY),
      state: 'finished',
    },
  ];
  return {
    networks: [
      {
        id: reviews,
        name: 'Film reviews',
        createdAt: ago(28 * DAY),
        weights: 32_009,
        set: 'L14',
        securityBits: 128,
        heldOutRows: 2500,
        headId: hex('m6'),
        models: 9,
        parties: 4,
        layers: [
          { inputs: 4000, units: 8, activation: 'shiftedSquare(1.25)', useBias: false },
          { inputs: 8, units: 1, activation: 'lin4', useBias: true },
        ],
        gates: { accuracyDrop: 0.01, normChange: 0.8 },
      },
      {
        id: readmission,
        name: 'Readmission within 30 days',
        createdAt: ago(2 * DAY),
        weights: 121,
        set: 'L13',
        securityBits: 128,
        heldOutRows: 0,
        headId: hex('r0'),
        models: 1,
        parties: 0,
        layers: [
          { inputs: 14, units: 8, activation: 'square', useBias: true },
          { inputs: 8, units: 1, activation: 'lin4', useBias: true },
        ],
        gates: {},
      },
    ],
    models,
    parties: [north, lab, south, fresh],
    runs,
    unlocks: [
      pending('unlock 1', north, { createdAt: ago(4), rows: 48, bits: 48 }),
      pending('unlock 2', lab, { createdAt: ago(55), rows: 64, bits: 256 }),
    ],
    keys: [
      { id: hex('key owner'), networkId: reviews, createdAt: ago(28 * DAY), bits: { used: 0, left: 517, limit: 517 } },
      key(north, 500, { id: hex('key north before'), createdAt: ago(27 * DAY), retiredAt: ago(20 * DAY) }),
      key(north, 34),
      key(lab, 440),
      key(south, 3),
      { ...key(fresh, 0), bits: { used: 0, left: 17, limit: 517 }, heldBy: hex('key north before') },
    ],
    histories: new Map([
      [`${north.id}/run-a`, history(runs[0], 80)],
      [`${lab.id}/run-b`, history(runs[1], 140)],
    ]),
    audit: chain([
      ['owner', 'create', reviews, { set: 'L14', weights: 32_009 }],
      ['owner', 'seal', hex('m0'), { bytes: 3_406_112 }],
      ['owner', 'invite', north.id, { name: north.name, hours: 816, refreshBudget: 2000 }],
      ['service', 'rekey', hex('m1'), { party: north.name }],
      ['Hospital North', 'join', north.id, {}],
      ...Array.from(
        { length: 130 },
        (_, i): Noted => ['Hospital North', 'refresh', 'run-a', { step: Math.floor(i / 2), call: i, ciphertexts: 3 }],
      ),
      ['Hospital North', 'submit', hex('m2'), { steps: 40, rows: 12_500 }],
      ['service', 'gate', hex('m2'), { accuracy: 0.8431, passed: true }],
      ['owner', 'revoke', south.id, { name: south.name }],
      ['Hospital North', 'unlock', hex('unlock 1'), { rows: 48, status: 'pending' }],
      ['owner', 'open', hex('m6'), { bytes: 128_356 }],
    ]),
  };
}

export function emptyWorld(): World {
  return { networks: [], models: [], parties: [], runs: [], unlocks: [], keys: [], histories: new Map(), audit: [] };
}

type Noted = readonly [actor: string, action: string, subject: string, details: AuditEntry['details']];

function chain(notes: readonly Noted[]): AuditEntry[] {
  const entries: AuditEntry[] = [];
  for (const [actor, action, subject, details] of notes)
    appendAudit(entries, actor, action, subject, details, ago((notes.length - entries.length) * 12));
  return entries;
}

export function appendAudit(
  entries: AuditEntry[],
  actor: string,
  action: string,
  subject: string,
  details: AuditEntry['details'] = {},
  at: string = new Date().toISOString(),
): void {
  const seq = entries.length + 1;
  const previous = entries.at(-1)?.hash ?? '0'.repeat(64);
  entries.push({ seq, at, actor, action, subject, details, previous, hash: hex(`${seq}${previous}${action}`, 64) });
}
