/** An owner and a trainer of one scheme in one process: what the comparison and the conformance tests run on. */

import type { PlainForm, TeachingCiphertext } from '../../protocol/teaching-files.ts';
import type { Refresher } from '../../schemes/refresher.ts';
import type { Evaluator, SchemeCapabilities, SlotCiphertext } from '../../schemes/scheme.ts';
import type { SchemeName, TeachingSchemeName } from '../../schemes/traits.ts';

export interface PartySlots {
  readonly re: Float64Array;
  /** Absent: the ciphertext is real, and may be seen to be. */
  readonly im?: Float64Array | undefined;
}

export interface SchemeParty<C extends SlotCiphertext = SlotCiphertext> {
  readonly scheme: SchemeName;
  /** Of these parameters: "128 bits", "none", "insecure (tests)". */
  readonly security: string;
  readonly capabilities: SchemeCapabilities;
  /** What the trainer holds. */
  readonly evaluator: Evaluator<C>;
  readonly refresher: Refresher<C>;
  /** What the owner holds. Lengths of `values` divide the slots, and they are repeated. */
  encrypt(values: PartySlots, level: number): C;
  decrypt(ciphertext: C): { readonly re: Float64Array; readonly im: Float64Array };
  /** Bytes of a fresh ciphertext of the slots that networks keep to. */
  readonly ciphertextBytes: number;
  /** Slots that such a ciphertext has room for; `evaluator.slots` of them, repeated, are the network's. */
  readonly ciphertextSlots: number;
  /** Bytes of everything public that a trainer needs. */
  readonly publicKeyBytes: number;
  /** Slots of the size of 1 are right to so many bits after a product. */
  readonly precisionBits: number;
  /** Of teaching schemes: what the trainer holds in plain form, for files. */
  readonly files?: TeachingFiles<C>;
  dispose(): void;
}

export interface TeachingFiles<C> {
  readonly scheme: TeachingSchemeName;
  keys(): PlainForm;
  ciphertext(a: C): Pick<TeachingCiphertext, 'level' | 'logScale' | 're' | 'im'>;
}

export interface PartyOptions {
  /** Complex slots that the network needs, half of the real ones; a scheme may have more. */
  readonly slots: number;
  /** Rotations that will be asked for: slot steps, both signs, modulo the slots of the party's evaluator. */
  rotations(kind: SchemeCapabilities['slots'], slots: number, maxLevel: number): readonly number[];
  /** Small parameters that protect nothing. Default false. */
  readonly insecure?: boolean;
  readonly threads?: number | undefined;
}
