/** Gates as people type them, percents and points, and as the service takes them. */
import type { Gates } from '../lib/types.ts';

export type GatesText = Record<keyof Gates, string>;

export interface GateField {
  readonly gate: keyof Gates;
  readonly label: string;
  readonly unit: string;
  readonly hint: string;
  /** What the service's number is multiplied by to be shown. */
  readonly factor: number;
  readonly most: number;
}

export const GATE_FIELDS: readonly GateField[] = [
  {
    gate: 'accuracyDrop',
    label: 'Accuracy lost',
    unit: 'points',
    hint: 'At most, on your held-out rows, against the model before it.',
    factor: 100,
    most: 100,
  },
  {
    gate: 'accuracyFloor',
    label: 'Least accuracy',
    unit: '%',
    hint: 'On your held-out rows.',
    factor: 100,
    most: 100,
  },
  {
    gate: 'lossRise',
    label: 'Loss risen',
    unit: '%',
    hint: 'At most, on your held-out rows, of what it was before.',
    factor: 100,
    most: Number.MAX_VALUE,
  },
  {
    gate: 'normChange',
    label: 'Change of weights',
    unit: '‖Δw‖ / ‖w‖',
    hint: 'At most; 0.5 lets the weights move by half their length.',
    factor: 1,
    most: Number.MAX_VALUE,
  },
  { gate: 'weightRange', label: 'Largest weight', unit: '|w|', hint: 'At most.', factor: 1, most: Number.MAX_VALUE },
];

export function gatesText(gates: Gates): GatesText {
  const shown = ({ gate, factor }: GateField): string => {
    const value = gates[gate];
    return value === undefined ? '' : String(Number((value * factor).toPrecision(12)));
  };
  const [accuracyDrop, accuracyFloor, lossRise, normChange, weightRange] = GATE_FIELDS.map(shown);
  return { accuracyDrop, accuracyFloor, lossRise, normChange, weightRange };
}

/** The gates, and for each field that cannot be read what is wrong with it. */
export function parseGates(text: GatesText): {
  readonly gates: Gates;
  readonly wrong: Partial<Record<keyof Gates, string>>;
} {
  const gates: Partial<Record<keyof Gates, number>> = {};
  const wrong: Partial<Record<keyof Gates, string>> = {};
  for (const { gate, factor, most } of GATE_FIELDS) {
    const typed = text[gate].trim().replace(',', '.');
    if (typed === '') continue;
    const value = Number(typed);
    const least = factor === 1 ? Number.MIN_VALUE : 0;
    if (!Number.isFinite(value) || value < least || value > most) {
      wrong[gate] =
        factor === 1
          ? 'Give a number above 0, or leave it empty.'
          : `Give a number from 0 ${most === 100 ? 'to 100' : 'on'}, or leave it empty.`;
    } else gates[gate] = Number((value / factor).toPrecision(12));
  }
  return { gates, wrong };
}

/** "loses at most 2 points · at least 80 %": gates in a line. */
export function gatesSummary(gates: Gates): string[] {
  return GATE_FIELDS.flatMap((field) => {
    const value = gates[field.gate];
    if (value === undefined) return [];
    const shown = Number((value * field.factor).toPrecision(6));
    switch (field.gate) {
      case 'accuracyDrop':
        return [`Accuracy falls by at most ${shown} ${shown === 1 ? 'point' : 'points'}`];
      case 'accuracyFloor':
        return [`Accuracy of at least ${shown} %`];
      case 'lossRise':
        return [`Loss rises by at most ${shown} %`];
      case 'normChange':
        return [`Weights change by at most ${shown} of their norm`];
      default:
        return [`No weight above ${shown}`];
    }
  });
}
