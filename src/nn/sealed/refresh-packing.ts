/**
 * Fewer ciphertexts for a refresh that costs by the ciphertext: parameters that stand at few positions of their blocks
 * are moved beside one another, and real constants share a ciphertext as real and imaginary part. Rotations bring them
 * together at the lowest level, where they are cheap; afterwards masks take them apart, for one level.
 */

import type { Evaluator, SlotCiphertext } from '../../schemes/scheme.ts';
import { rotateAlong } from '../../tensor/cipher-tensor.ts';
import { blockShape, type Packing } from '../../tensor/packing.ts';
import { ciphertextNames, flattenLayers, mapLayers } from './layer-ciphertexts.ts';
import { layerForm } from './layout.ts';
import type { SealedNetwork } from './sealed-network.ts';

/** Where a parameter's ciphertext is not zero: positions [start, start + width) of every block, or constant and real. */
type Place = { readonly start: number; readonly width: number } | 'constant';

interface Member {
  /** Of the ciphertext among all of the refresh. */
  readonly index: number;
  /** Positions that it moves by within its block, up or, below 0, down. */
  readonly shift: number;
  readonly place: Place;
}

/** One ciphertext of the refresh. */
export interface RefreshGroup {
  readonly members: readonly Member[];
}

export interface RefreshPacking {
  readonly pitch: number;
  readonly groups: readonly RefreshGroup[];
  /** Levels that taking them apart costs: 0 or 1. */
  readonly levels: number;
  /** Slots after which all of them repeat. */
  readonly period: number;
  /** Slot steps of the moves, both ways. */
  readonly rotations: readonly number[];
}

/** `sets`: 1 for weights alone, 2 for weights and then velocities. */
export function planRefreshPacking(network: SealedNetwork, sets: 1 | 2): RefreshPacking {
  const { packing } = network.layout;
  const places = placesOf(network);
  const all = Array.from({ length: sets }, () => places).flat();
  const groups: { members: Member[] }[] = [];
  all.forEach((place, index) => {
    for (const group of groups) {
      const shift = roomFor(group.members, place, packing);
      if (shift === undefined) continue;
      group.members.push({ index, shift, place });
      return;
    }
    groups.push({ members: [{ index, shift: 0, place }] });
  });
  const periods = network.architecture.layers.map(({ units }) => blockShape(packing, units).period);
  const shifts = groups.flatMap(({ members }) => members.map(({ shift }) => shift));
  return {
    pitch: packing.pitch,
    groups,
    levels: groups.some(({ members }) => members.some(({ place }) => members.length > 1 && place !== 'constant'))
      ? 1
      : 0,
    period: Math.max(...periods),
    rotations: [...new Set(shifts.flatMap((shift) => [...powersIn(shift), ...powersIn(-shift)]))],
  };
}

/** Widest first would pack no better: the first kernel comes first and leaves the room that the others take. */
function placesOf({ architecture, layout }: SealedNetwork): Place[] {
  const { offset, chunk, batch } = layout.packing;
  const names = ciphertextNames(architecture, layout);
  const first: Place = { start: offset, width: chunk };
  const units: Place = { start: 0, width: batch };
  const places = names.map((layer, index) => {
    const bias: Place = layerForm(index) === 'list' ? 'constant' : units;
    const [placed] = mapLayers([layer], (name) => (name.split('/')[1] === 'bias' ? bias : index === 0 ? first : units));
    return placed;
  });
  return flattenLayers(places);
}

/** The nearest shift, a multiple of the batch, at which it meets no other; undefined where there is none. */
function roomFor(members: readonly Member[], place: Place, { pitch, batch }: Packing): number | undefined {
  if (place === 'constant') {
    return members.length === 1 && (members[0] as Member).place === 'constant' ? 0 : undefined;
  }
  const free = (shift: number): boolean => {
    const start = place.start + shift;
    if (start < 0 || start + place.width > pitch) return false;
    return members.every(({ place: other, shift: by }) => {
      if (other === 'constant') return false;
      return start + place.width <= other.start + by || other.start + by + other.width <= start;
    });
  };
  const steps = Array.from({ length: pitch / batch }, (_, i) => i * batch);
  return steps.flatMap((step) => (step === 0 ? [0] : [step, -step])).find(free);
}

/** The ciphertexts of the groups; each of the lowest level and the scale of its members. */
export function packForRefresh<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  { groups }: RefreshPacking,
  ciphertexts: readonly C[],
): C[] {
  return groups.map(({ members }) =>
    evaluator.scope(() => {
      const moved = members.map(({ index, shift, place }, i) => {
        const ciphertext = ciphertexts[index] as C;
        if (place === 'constant') return i === 0 ? ciphertext : evaluator.timesI(ciphertext);
        return rotateAlong(evaluator, ciphertext, powersIn(-shift));
      });
      const level = Math.min(...moved.map((c) => c.level));
      return moved.map((c) => evaluator.dropToLevel(c, level)).reduce((a, b) => evaluator.add(a, b));
    }),
  );
}

/** The members again, in order, `levels` lower where their group had to be taken apart. */
export function unpackRefreshed<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  packing: RefreshPacking,
  refreshed: readonly C[],
): C[] {
  const result: C[] = [];
  packing.groups.forEach(({ members }, g) => {
    const whole = refreshed[g] as C;
    for (const member of members) {
      result[member.index] = evaluator.scope(() => takeOut(evaluator, packing, whole, members, member));
    }
  });
  return result;
}

function takeOut<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  { pitch }: RefreshPacking,
  whole: C,
  members: readonly Member[],
  { index, place, shift }: Member,
): C {
  if (members.length === 1) return evaluator.dropToLevel(whole, whole.level);
  if (place === 'constant') return partOf(evaluator, whole, index === (members[0] as Member).index);
  const mask = new Float64Array(pitch).fill(1, place.start + shift, place.start + shift + place.width);
  const product = evaluator.multiplyPlain(whole, mask);
  return evaluator.rescale(shift === 0 ? product : rotateAlong(evaluator, product, powersIn(shift)));
}

/** The real or the imaginary part; the factor 2 is declared away, which a later drop or product makes canonical. */
function partOf<C extends SlotCiphertext>(evaluator: Evaluator<C>, whole: C, real: boolean): C {
  const conjugate = evaluator.conjugate(whole);
  const twice = real ? evaluator.add(whole, conjugate) : evaluator.timesI(evaluator.subtract(conjugate, whole));
  return evaluator.scaleBy(twice, 0.5);
}

/** The powers of two that a number is the sum of, with its sign: every set of keys has rotations by them. */
function powersIn(value: number): number[] {
  const powers: number[] = [];
  for (let power = 1; power <= Math.abs(value); power *= 2) {
    if (Math.abs(value) & power) powers.push(Math.sign(value) * power);
  }
  return powers;
}
