/** Where a lineage's models stand: a lane for the owner and each party, a column for each generation. */
import type { Party, ServedModel } from '../lib/types.ts';

export interface LineageNode {
  readonly model: ServedModel;
  readonly lane: number;
  readonly column: number;
}

export interface LineageEdge {
  readonly from: LineageNode;
  readonly to: LineageNode;
}

export interface LineageLane {
  /** Undefined for the owner. */
  readonly party: Party | undefined;
  readonly name: string;
}

export interface LineageLayout {
  readonly lanes: readonly LineageLane[];
  readonly columns: number;
  /** Oldest first. */
  readonly nodes: readonly LineageNode[];
  readonly edges: readonly LineageEdge[];
}

/**
 * Lanes in the order of their first model, parties without one last. A model stands right of its parent, in the next
 * column that its lane has free: lines never run backwards, and no two models share a place.
 */
export function layoutLineage(models: readonly ServedModel[], parties: readonly Party[]): LineageLayout {
  const lanes = lanesOf(models, parties);
  const laneOf = new Map(lanes.map(({ party }, lane) => [party?.id, lane]));
  const placed = new Map<string, LineageNode>();
  const free = lanes.map(() => 0);
  const nodes: LineageNode[] = [];
  const edges: LineageEdge[] = [];
  for (const model of models.toSorted((a, b) => a.createdAt.localeCompare(b.createdAt))) {
    const parent = model.parentId === undefined ? undefined : placed.get(model.parentId);
    const lane = laneOf.get(model.partyId) ?? 0;
    const column = Math.max(free[lane], parent === undefined ? 0 : parent.column + 1);
    free[lane] = column + 1;
    const node = { model, lane, column };
    nodes.push(node);
    placed.set(model.id, node);
    if (parent !== undefined) edges.push({ from: parent, to: node });
  }
  return { lanes, columns: Math.max(0, ...free), nodes, edges };
}

function lanesOf(models: readonly ServedModel[], parties: readonly Party[]): LineageLane[] {
  const order = models.toSorted((a, b) => a.createdAt.localeCompare(b.createdAt)).map(({ partyId }) => partyId);
  const rank = ({ id }: Party): number => {
    const at = order.indexOf(id);
    return at < 0 ? order.length : at;
  };
  const sorted = parties
    .filter(({ role }) => role === 'trainer')
    .toSorted((a, b) => rank(a) - rank(b) || a.createdAt.localeCompare(b.createdAt));
  return [{ party: undefined, name: 'Owner' }, ...sorted.map((party) => ({ party, name: party.name }))];
}

/** Where an arrow key leads from `node`; the node itself where there is nothing in that direction. */
export function neighbour(layout: LineageLayout, node: LineageNode, key: string): LineageNode {
  const { nodes, edges } = layout;
  switch (key) {
    case 'ArrowLeft':
      return edges.find(({ to }) => to === node)?.from ?? before(nodes, node);
    case 'ArrowRight':
      return edges.find(({ from }) => from === node)?.to ?? after(nodes, node);
    case 'ArrowUp':
      return nearest(nodes, node, -1);
    case 'ArrowDown':
      return nearest(nodes, node, 1);
    case 'Home':
      return nodes[0];
    case 'End':
      return nodes[nodes.length - 1];
    default:
      return node;
  }
}

function before(nodes: readonly LineageNode[], node: LineageNode): LineageNode {
  return nodes[Math.max(0, nodes.indexOf(node) - 1)];
}

function after(nodes: readonly LineageNode[], node: LineageNode): LineageNode {
  return nodes[Math.min(nodes.length - 1, nodes.indexOf(node) + 1)];
}

/** In the next lane above or below that has a model: the one whose column is nearest. */
function nearest(nodes: readonly LineageNode[], node: LineageNode, direction: 1 | -1): LineageNode {
  const distance = (other: LineageNode): number => direction * (other.lane - node.lane);
  const beyond = nodes.filter((other) => distance(other) > 0);
  if (beyond.length === 0) return node;
  const lane = Math.min(...beyond.map(distance));
  return beyond
    .filter((other) => distance(other) === lane)
    .reduce((best, other) =>
      Math.abs(other.column - node.column) < Math.abs(best.column - node.column) ? other : best,
    );
}
