/** How a training loop gets its levels back. Supplied from below (bootstrapping) or beside (a message to the owner). */
import type { SlotCiphertext } from './scheme.ts';

export interface RefreshRequest {
  /** The level that fresh ciphertexts shall have. */
  readonly level: number;
  /** Training step after which this refresh happens, for the owner's books and for exactly-once delivery. */
  readonly step: number;
  readonly signal?: AbortSignal;
}

export interface Refresher<C extends SlotCiphertext> {
  readonly mode: 'none' | 'owner' | 'bootstrap';
  /**
   * Returns the same values, in order, in ciphertexts of `request.level`. Their scales are canonical, or, after a blinded
   * refresh, those that they came with, some hundredths of a bit away: any product or drop makes them canonical.
   */
  refresh(ciphertexts: readonly C[], request: RefreshRequest): Promise<C[]>;
}
