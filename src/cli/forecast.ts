/**
 * Seconds of a sealed step before it is run: the operations that the plan counts, each timed on this machine with keys
 * made for the purpose. Diagonal products are timed for one chunk and one group and scaled by their number.
 */

import { createEngine } from '../kernels/wasm-executor.ts';
import type { TrainingPlan } from '../nn/sealed/plan.ts';
import type { OperationCount } from '../nn/sealed/step-cost.ts';
import { type CreatedKeys, createKeys } from '../owner/owner-keys.ts';
import { firstIndices, select } from '../ring/poly.ts';
import { generateRelinearizationKey } from '../rlwe/secret/key-generation.ts';
import { SecretKey } from '../rlwe/secret/secret-key.ts';
import { blind, unblind } from '../schemes/ckks/blinding.ts';
import { BootstrappingContext } from '../schemes/ckks/bootstrapping-context.ts';
import type { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import { CkksEvaluator } from '../schemes/ckks/evaluator.ts';
import type { DiagonalSource } from '../schemes/scheme.ts';

export interface Forecast {
  readonly secondsPerStep: number;
  /** Of these, the refresh: masking, the owner's work, unmasking, not the way there and back; or bootstrappings. */
  readonly refreshSeconds: number;
}

type Timer = (work: () => void) => number;

/** Milliseconds of the faster of two runs: the first warms up. */
const timed: Timer = (work) => {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 2; run++) {
    const began = performance.now();
    work();
    best = Math.min(best, performance.now() - began);
  }
  return best;
};

/** @param set the plan's parameter set. Takes a few seconds. */
export async function forecastStep(plan: TrainingPlan, set: string, threads?: number): Promise<Forecast> {
  const keys = await createKeys({ set, ...(threads !== undefined && { threads }) });
  try {
    const bench = new StepBench(keys, plan);
    const ms = plan.stepCost.operations.reduce((sum, operation) => sum + bench.milliseconds(operation), 0);
    const refreshMs = (await refreshMilliseconds(bench, plan, keys, threads)) / plan.stepsPerRefresh;
    return { secondsPerStep: (ms + refreshMs) / 1000, refreshSeconds: refreshMs / 1000 };
  } finally {
    keys.dispose();
  }
}

async function refreshMilliseconds(
  bench: StepBench,
  plan: TrainingPlan,
  keys: CreatedKeys,
  threads: number | undefined,
): Promise<number> {
  if (plan.refreshMode === 'none') return 0;
  if (plan.refreshMode === 'owner') return bench.refreshMilliseconds();
  return (plan.refreshPacking?.groups.length ?? 0) * (await bootstrappingMilliseconds(keys, threads));
}

/** A bootstrapping costs what so many key switches of the whole modulus do (npm run bench -- bootstrap). */
const KEY_SWITCHES = 64;

/** One key switch is timed, with a key made for it: all keys of a bootstrapping would take longer than the answer is worth. */
async function bootstrappingMilliseconds({ context, secret }: CreatedKeys, threads?: number): Promise<number> {
  const engine = await createEngine(threads === undefined ? {} : { threads });
  const whole = new BootstrappingContext(context.parameters, engine);
  const key = SecretKey.fromBytes(whole, secret.toBytes());
  try {
    const relinearization = generateRelinearizationKey(whole, key);
    const input = select(key.plain, firstIndices(whole.ciphertextLimbs));
    return KEY_SWITCHES * timed(() => whole.main.switch(input, relinearization).map((poly) => poly.dispose()));
  } finally {
    key.dispose();
    whole.dispose();
  }
}

class StepBench {
  readonly #keys: CreatedKeys;
  readonly #plan: TrainingPlan;
  readonly #evaluator: CkksEvaluator;
  readonly #values: Float64Array;
  readonly #known: Map<string, number> = new Map();

  constructor(keys: CreatedKeys, plan: TrainingPlan) {
    this.#keys = keys;
    this.#plan = plan;
    this.#evaluator = new CkksEvaluator(keys.context, keys.evaluationKeys);
    this.#values = Float64Array.from({ length: keys.context.slots }, (_, i) => Math.sin(i));
  }

  /** All operations of this kind at this level. */
  milliseconds({ operation, level, count }: OperationCount): number {
    // Levels are counted from the end of a step, which a fresh one may stand above.
    const at = Math.max(1, Math.min(this.#plan.maxLevel, level));
    const key = `${operation}@${at}`;
    const each = this.#known.get(key) ?? this.#measure(operation, at);
    this.#known.set(key, each);
    return each * count;
  }

  /** Masking, the owner's part and unmasking of all ciphertexts of a refresh. */
  refreshMilliseconds(): number {
    const { context, publicKey, scheme } = this.#keys;
    const ciphertext = this.#fresh(Math.max(1, this.#plan.maxLevel - 1));
    const ms = timed(() => {
      const blinding = blind(context, publicKey, [ciphertext]);
      const answers = blinding.masked.map((masked) => scheme.reencryptMasked(masked, this.#plan.freshLevel));
      this.#evaluator.dispose(...unblind(context, blinding, answers), ...answers);
    });
    return ms * this.#plan.ciphertexts.refreshed;
  }

  #fresh(level: number): Ciphertext {
    return this.#keys.scheme.encrypt({ re: this.#values }, level);
  }

  #measure(operation: OperationCount['operation'], level: number): number {
    const evaluator = this.#evaluator;
    const a = this.#fresh(level);
    const scoped = (work: () => unknown): number => timed(() => evaluator.scope(() => void work()));
    switch (operation) {
      case 'encrypt':
        return 0;
      case 'add':
        return scoped(() => evaluator.add(a, a));
      case 'addPlain':
        return scoped(() => evaluator.addPlain(a, this.#values));
      // The relinearisation that `multiply` contains is counted by itself, and costs what a rotation does.
      case 'multiply':
        return Math.max(0, scoped(() => evaluator.multiply(a, a)) - scoped(() => evaluator.rotate(a, 1)));
      case 'relinearize':
      case 'rotate':
      case 'conjugate':
        return scoped(() => evaluator.rotate(a, 1));
      case 'multiplyPlain':
        return scoped(() => evaluator.multiplyPlain(a, this.#values));
      case 'multiplyScalar':
        return scoped(() => evaluator.multiplyScalar(a, 0.5));
      case 'rescale':
      case 'dropToLevel':
        return scoped(() => evaluator.dropToLevel(a, level - 1));
      case 'prepareDiagonals':
        return timed(() => evaluator.prepareDiagonals(this.#diagonals())[Symbol.dispose]()) / this.#plan.batch;
      case 'diagonalForward':
        return this.#diagonalProduct((rows) => evaluator.multiplyDiagonals([[a]], rows, 1));
      case 'diagonalTransposed':
        return this.#diagonalProduct((rows) => evaluator.multiplyDiagonalsTransposed([a], rows, 1));
    }
  }

  /** Of one diagonal, rotations included. */
  #diagonalProduct(product: (rows: ReturnType<CkksEvaluator['prepareDiagonals']>) => unknown): number {
    const rows = this.#evaluator.prepareDiagonals(this.#diagonals());
    const ms = timed(() => this.#evaluator.scope(() => void product(rows)));
    rows[Symbol.dispose]();
    return ms / this.#plan.batch;
  }

  #diagonals(): DiagonalSource {
    const { batch, pitch } = this.#plan;
    return { count: batch, period: pitch, chunks: 1, fill: (_, r, out) => void out.fill(Math.cos(r)) };
  }
}
