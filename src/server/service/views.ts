/** Rows of the database as the contract shows them. */
import type { Architecture } from '../../nn/architecture.ts';
import { parameterCount } from '../../nn/weights.ts';
import type {
  GateResult,
  Gates,
  Party,
  ReleasedRow,
  ServedModel,
  ServedNetwork,
  ServedRun,
  UnlockPolicy,
  UnlockView,
} from '../../protocol/service/types.ts';
import type { ModelRow, NetworkRow, PartyRow, RunRow, UnlockRow } from '../store/tables.ts';

/** A run that said nothing for so long is silent. */
const SILENT_MS = 60_000;

function time(value: Date | null): string | undefined {
  return value === null ? undefined : value.toISOString();
}

function optional<T>(value: T | null): T | undefined {
  return value === null ? undefined : value;
}

export function partyView(row: PartyRow): Party {
  const { unlockPolicy, unlockRows } = row;
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    networkId: optional(row.networkId),
    createdAt: row.createdAt.toISOString(),
    expiresAt: time(row.expiresAt),
    revokedAt: time(row.revokedAt),
    keyId: optional(row.keyId),
    refreshes: { used: row.refreshesUsed, budget: row.refreshBudget },
    unlocks: unlockPolicy === null ? undefined : { rows: unlockRows, policy: JSON.parse(unlockPolicy) as UnlockPolicy },
    lastSeenAt: time(row.lastSeenAt),
  };
}

export interface NetworkCounts {
  readonly models: number;
  readonly parties: number;
  readonly securityBits: number;
}

export function networkView(row: NetworkRow, { models, parties, securityBits }: NetworkCounts): ServedNetwork {
  const architecture = architectureOf(row);
  return {
    id: row.id,
    name: row.name,
    createdAt: row.createdAt.toISOString(),
    layers: architecture.layers.map(({ inputs, units, activation, useBias }) => ({
      inputs,
      units,
      activation: activation.name,
      useBias,
    })),
    weights: parameterCount(architecture),
    set: row.setName,
    securityBits,
    gates: JSON.parse(row.gates) as Gates,
    heldOutRows: row.heldOutRows,
    headId: row.headId,
    models,
    parties,
  };
}

export function architectureOf({ architecture }: Pick<NetworkRow, 'architecture'>): Architecture {
  return JSON.parse(architecture) as Architecture;
}

export function modelView(row: ModelRow & { readonly bytes: number }): ServedModel {
  return {
    id: row.id,
    networkId: row.networkId,
    parentId: optional(row.parentId),
    partyId: optional(row.partyId),
    keyId: row.keyId,
    status: row.status,
    createdAt: row.createdAt.toISOString(),
    round: row.round,
    bytes: row.bytes,
    sha256: row.sha256,
    steps: optional(row.steps),
    rows: optional(row.rows),
    epsilon: optional(row.epsilon),
    accuracy: optional(row.accuracy),
    loss: optional(row.loss),
    gates: JSON.parse(row.gates) as GateResult[],
    recordDigest: optional(row.recordDigest),
  };
}

/**
 * A model as its trainer sees it. What was measured on decrypted weights stays with the owner: of each gate a trainer learns
 * whether it was passed, a bit that the ledger has counted (security rules 1 and 2), and no figure.
 */
export function trainerModelView(row: ModelRow & { readonly bytes: number }): ServedModel {
  const { accuracy: _, loss: __, gates, ...view } = modelView(row);
  return { ...view, gates: gates.map(coarse) };
}

function coarse(result: GateResult): GateResult {
  if (result.gate === 'record') return result;
  return { ...result, detail: result.passed ? 'passed' : 'not passed; the owner knows by how much' };
}

export function runView(row: RunRow, now: Date): ServedRun {
  const { id, partyId, networkId, step, steps, rowsPerSecond, startedAt, lastSeenAt } = row;
  const silent = now.getTime() - lastSeenAt.getTime() > SILENT_MS;
  return {
    id,
    partyId,
    networkId,
    step,
    steps,
    rowsPerSecond,
    startedAt: startedAt.toISOString(),
    lastSeenAt: lastSeenAt.toISOString(),
    state: step >= steps ? 'finished' : silent ? 'silent' : 'running',
  };
}

/** An unlock as the owner sees it; its trainer does not see the mismatches. */
export function unlockView(row: UnlockRow): UnlockView {
  return {
    id: row.id,
    partyId: row.partyId,
    networkId: row.networkId,
    keyId: row.keyId,
    createdAt: row.createdAt.toISOString(),
    rows: row.rowCount,
    status: row.status,
    decidedAt: time(row.decidedAt),
    reason: optional(row.reason),
    mismatches: optional(row.mismatches),
    answers: row.answers === null ? undefined : (JSON.parse(row.answers) as ReleasedRow[]),
  };
}
