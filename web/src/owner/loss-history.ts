/** How the loss on the owner's held-out rows went, round by round: known of whole models alone, where the key is. */
import type { Lineage, ServedModel } from '../lib/types.ts';

export interface LossPoint {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly round: number;
  readonly loss: number;
}

/** Of the models that lead to the head, oldest first. One that was only sealed anew has its parent's weights: not told twice. */
export function lossesToHead({ network, models }: Pick<Lineage, 'network' | 'models'>): LossPoint[] {
  const byId = new Map(models.map((model) => [model.id, model]));
  const points: LossPoint[] = [];
  const seen = new Set<ServedModel>();
  for (let model = byId.get(network.headId); model !== undefined && !seen.has(model); ) {
    seen.add(model);
    const { loss, round, createdAt, parentId, status } = model;
    const anew = status === 'sealed' && parentId !== undefined;
    if (loss !== undefined && !anew) points.unshift({ at: Date.parse(createdAt), round, loss });
    model = parentId === undefined ? undefined : byId.get(parentId);
  }
  return points;
}
