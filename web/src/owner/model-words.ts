/** A model's state in words, marks and tones. */
import { formatPercent } from '../lib/format.ts';
import type { GateResult, ServedModel } from '../lib/types.ts';

export interface ModelWords {
  readonly text: string;
  readonly tone: 'good' | 'warn' | 'bad' | 'sealed';
  readonly mark: string;
}

const WORDS: Readonly<Record<ServedModel['status'], ModelWords>> = {
  sealed: { text: 'sealed', tone: 'sealed', mark: '◎' },
  accepted: { text: 'accepted', tone: 'good', mark: '✓' },
  refused: { text: 'refused', tone: 'bad', mark: '✕' },
};

export function modelWords({ status }: ServedModel): ModelWords {
  return WORDS[status];
}

const GATES: Readonly<Record<GateResult['gate'], string>> = {
  finite: 'All weights are numbers',
  accuracyDrop: 'Accuracy lost',
  accuracyFloor: 'Least accuracy',
  lossRise: 'Loss risen',
  normChange: 'Change of the weights',
  weightRange: 'Largest weight',
  record: 'Signed training record',
};

export function gateName(gate: GateResult['gate']): string {
  return GATES[gate];
}

/** Below a node: what was measured, or where there is nothing, or nothing new, what it is. */
export function modelCaption(model: ServedModel): string {
  const isCopy = model.status === 'sealed' && model.parentId !== undefined;
  return model.accuracy === undefined || isCopy ? WORDS[model.status].text : formatPercent(model.accuracy, 1);
}

/** What a screen reader says of a node. */
export function modelSentence(model: ServedModel, maker: string, isHead: boolean): string {
  const parts = [`${maker}, round ${model.round}`, WORDS[model.status].text];
  if (model.accuracy !== undefined) parts.push(`accuracy ${formatPercent(model.accuracy, 1)}`);
  if (isHead) parts.push('the head');
  return parts.join(', ');
}

/** A file name from a network's name: lower case, letters, digits and dashes. */
export function fileName(network: string, { round, status }: ServedModel, ending: string): string {
  const plain = network
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  const state = status === 'refused' ? '-refused' : '';
  return `${plain === '' ? 'network' : plain}-round-${round}${state}.${ending}`;
}
