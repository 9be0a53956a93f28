/**
 * What a step costs: it is run once on the clear scheme without values, with levels in plenty, and every operation is
 * counted where it happens. So the plan cannot disagree with the code.
 */

import type { ClearCiphertext, ClearOperation } from '../../schemes/clear/clear-ciphertext.ts';
import { ClearEvaluator } from '../../schemes/clear/clear-evaluator.ts';
import type { Evaluator } from '../../schemes/scheme.ts';
import { rowDiagonals } from '../../tensor/row-diagonals.ts';
import type { TrainingRecipe } from '../architecture.ts';
import { ciphertextNames, type LayerCiphertexts, mapLayers } from './layer-ciphertexts.ts';
import { forwardSealed, type SealedNetwork } from './sealed-network.ts';
import { lowestLevel, stepPhases } from './training-step.ts';

/** More than any step needs. */
const PLENTY = 64;

export interface OperationCount {
  readonly operation: ClearOperation;
  /** Level of the operands, counted from the level that a step ends at (of diagonals: from the plan's own). */
  readonly level: number;
  /** Of diagonal products: plaintext products; their rotations are the evaluator's. */
  readonly count: number;
}

export interface LevelTrace {
  readonly phase: string;
  /** Lowest level after the phase, counted from the end of the step. */
  readonly level: number;
}

export interface StepCost {
  readonly levels: number;
  readonly operations: readonly OperationCount[];
  /** Slot steps of all rotations outside the diagonal products, ascending. */
  readonly rotations: readonly number[];
  readonly trace: readonly LevelTrace[];
  /** Most ciphertexts alive at a time. */
  readonly peakCiphertexts: number;
}

class Counter {
  readonly #counts: Map<string, { operation: ClearOperation; level: number; count: number }> = new Map();
  readonly #rotations: Set<number> = new Set();
  readonly evaluator: ClearEvaluator;
  peak = 0;

  constructor(slots: number) {
    this.evaluator = new ClearEvaluator({
      slots,
      levels: PLENTY,
      valueless: true,
      onOperation: (operation, level, count, steps) => this.#note(operation, level, count, steps),
    });
  }

  #note(operation: ClearOperation, level: number, count: number, steps: number | undefined): void {
    this.peak = Math.max(this.peak, this.evaluator.live);
    if (operation === 'encrypt') return;
    if (steps !== undefined) this.#rotations.add(steps);
    const key = `${operation}/${level}`;
    const entry = this.#counts.get(key) ?? { operation, level, count: 0 };
    entry.count += count;
    this.#counts.set(key, entry);
  }

  encryptAll(network: SealedNetwork): LayerCiphertexts<ClearCiphertext>[] {
    const zero = { re: new Float64Array(1) };
    const names = ciphertextNames(network.architecture, network.layout);
    return mapLayers(names, () => this.evaluator.encrypt(zero, PLENTY));
  }

  finish(end: number, trace: readonly LevelTrace[]): StepCost {
    const relative = (level: number) => level - end;
    const operations = [...this.#counts.values()]
      .map((entry) => ({ ...entry, level: relative(entry.level) }))
      .toSorted((a, b) => b.level - a.level);
    return {
      levels: PLENTY - end,
      operations,
      rotations: [...this.#rotations].toSorted((a, b) => a - b),
      trace: trace.map(({ phase, level }) => ({ phase, level: relative(level) })),
      peakCiphertexts: this.peak,
    };
  }
}

/** Cost of a step amid a run: with velocities, and not the last. */
export function trainingCost(network: SealedNetwork, recipe: TrainingRecipe): StepCost {
  const counter = new Counter(network.layout.packing.slots);
  const weights = counter.encryptAll(network);
  const velocities = recipe.momentum === 0 ? undefined : counter.encryptAll(network);
  const { layers } = network.architecture;
  const targets = new Float32Array(recipe.batch * layers[layers.length - 1].units);
  const evaluator: Evaluator<ClearCiphertext> = counter.evaluator;
  const task = { evaluator, network, recipe: { ...recipe, steps: 3 }, step: 1 };
  const phases = stepPhases(task, { weights, velocities }, { features: new Float32Array(0), targets });
  const trace: LevelTrace[] = [{ phase: 'fresh', level: PLENTY }];
  let turn = phases.next();
  for (; !turn.done; turn = phases.next()) trace.push(turn.value);
  const end = lowestLevel(turn.value);
  return counter.finish(end, [...trace, { phase: 'update', level: end }]);
}

/** Cost of a prediction. */
export function predictionCost(network: SealedNetwork): StepCost {
  const counter = new Counter(network.layout.packing.slots);
  const { evaluator } = counter;
  const first = network.architecture.layers[0];
  const features = { values: new Float32Array(0), columns: first.inputs, bias: first.useBias };
  const rows = evaluator.prepareDiagonals(rowDiagonals(network.layout.packing, features));
  const passes = forwardSealed(evaluator, network, counter.encryptAll(network), rows, false);
  const end = lowestLevel(passes[passes.length - 1].output);
  return counter.finish(end, [
    { phase: 'fresh', level: PLENTY },
    { phase: 'forward', level: end },
  ]);
}
