/** The requests of this trainer, kept in this browser so that their answers are found again. */

import type { Keeper } from '../lib/kept-text.ts';

export interface KeptRequest {
  readonly id: string;
  /** Name of the CSV. */
  readonly file: string;
  readonly at: string;
  readonly rows: readonly number[];
  readonly classes: readonly string[];
}

const STORED = 'hermetic.unlocks';
const MOST = 50;

/** Newest first; none where the storage holds something else. */
export function keptRequests(storage: Keeper): KeptRequest[] {
  try {
    const found: unknown = JSON.parse(storage.getItem(STORED) ?? '[]');
    return Array.isArray(found) ? (found as KeptRequest[]) : [];
  } catch {
    return [];
  }
}

export function keepRequest(storage: Keeper, request: KeptRequest): KeptRequest[] {
  const requests = [request, ...keptRequests(storage)].slice(0, MOST);
  storage.setItem(STORED, JSON.stringify(requests));
  return requests;
}

export function forgetRequests(storage: Keeper): void {
  storage.removeItem(STORED);
}
