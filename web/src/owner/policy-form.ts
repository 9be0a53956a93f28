/** What a trainer may have answered, as a form and as the service takes it. */
import type { UnlockPolicy } from '../lib/types.ts';

export interface PolicyText {
  mode: UnlockPolicy['mode'] | 'none';
  rows: string;
  kind: 'label' | 'rounded';
  bits: string;
}

export type PolicyWrong = Partial<Record<'rows' | 'bits', string>>;

export const MODE_CHOICES: readonly { mode: PolicyText['mode']; name: string; more: string }[] = [
  { mode: 'none', name: 'No unlocks', more: 'The trainer improves the network and never sees an answer.' },
  { mode: 'manual', name: 'You decide', more: 'Each request waits for your approval.' },
  { mode: 'quota', name: 'At once, while rows last', more: 'The service answers by itself up to the number below.' },
  {
    mode: 'verified',
    name: 'At once, verified',
    more: 'The trainer sends the rows’ features; the service computes them itself and answers with its own values.',
  },
];

export function policyText(policy: UnlockPolicy | undefined): PolicyText {
  const { release } = policy ?? {};
  return {
    mode: policy?.mode ?? 'none',
    rows: String(policy?.rows ?? 100),
    kind: release?.kind ?? 'label',
    bits: String(release?.kind === 'rounded' ? release.bits : 8),
  };
}

/** The policy, undefined for none; `wrong` says which field cannot be read. A range that was set stays as it is. */
export function parsePolicy(
  text: PolicyText,
  before?: UnlockPolicy | undefined,
): { readonly policy: UnlockPolicy | undefined; readonly wrong: PolicyWrong } {
  const { mode, kind } = text;
  if (mode === 'none') return { policy: undefined, wrong: {} };
  const rows = wholeNumber(text.rows, 0, 1_000_000);
  const bits = kind === 'label' ? 1 : wholeNumber(text.bits, 1, 12);
  const wrong: PolicyWrong = {
    ...(rows === undefined && { rows: 'Give a whole number of rows, 0 to 1,000,000.' }),
    ...(bits === undefined && { bits: 'Give 1 to 12 bits.' }),
  };
  if (rows === undefined || bits === undefined) return { policy: undefined, wrong };
  const range = before?.release.kind === 'rounded' ? before.release.range : undefined;
  const release = kind === 'label' ? ({ kind } as const) : { kind, bits, ...(range !== undefined && { range }) };
  return { policy: { mode, rows, release }, wrong };
}

/** A whole number in a range; undefined where the text is none. */
export function wholeNumber(text: string, least: number, most: number): number | undefined {
  const value = Number(text.trim().replace(/[, _](?=\d{3}\b)/g, ''));
  return text.trim() !== '' && Number.isInteger(value) && value >= least && value <= most ? value : undefined;
}
