/** The models of a network as a tree of lines: how each came out of another, who made it, and what the gates said. */

import type { Lineage, ServedModel } from '../../protocol/service/types.ts';
import type { Colors } from '../colors.ts';
import { formatCount, formatPercent, spacedWords } from '../format.ts';
import { shortId } from './service-flags.ts';

/** Branches that ended stand before the line that leads to the head. */
export function lineageGraph({ network, models, parties }: Lineage, colors: Colors): string {
  const names = new Map(parties.map(({ id, name }) => [id, name]));
  const keyed = new Map(parties.flatMap(({ keyId, name }) => (keyId === undefined ? [] : [[keyId, name]])));
  const childrenOf = (parent: ServedModel) => models.filter(({ parentId }) => parentId === parent.id);
  const line = pathTo(network.headId, models);
  const describe = (model: ServedModel) => modelLine(model, model.id === network.headId, names, keyed, colors);
  const lines: string[] = [];
  const draw = (model: ServedModel, first: string, rest: string): void => {
    const next = childrenOf(model);
    const main = next.find(({ id }) => line.has(id)) ?? (next.length === 1 ? next[0] : undefined);
    lines.push(first + describe(model));
    const sides = next.filter((side) => side !== main);
    for (const [i, side] of sides.entries()) {
      const isLast = main === undefined && i === sides.length - 1;
      draw(side, `${rest}${isLast ? '└─' : '├─'}`, `${rest}${isLast ? '  ' : '│ '}`);
    }
    if (main !== undefined) draw(main, rest, rest);
  };
  for (const root of rootsOf(models)) draw(root, '', '');
  const { bold, dim } = colors;
  const title = `${bold(network.name)}  ${dim(`${shapeOf(network.layers)}, set ${network.set}, ${network.securityBits}-bit security`)}`;
  return [title, ...lines].join('\n');
}

/** 2000-8-1. */
export function shapeOf(layers: Lineage['network']['layers']): string {
  return layers.length === 0 ? '–' : [layers[0].inputs, ...layers.map(({ units }) => units)].join('-');
}

function rootsOf(models: readonly ServedModel[]): ServedModel[] {
  const known = new Set(models.map(({ id }) => id));
  return models.filter(({ parentId }) => parentId === undefined || !known.has(parentId));
}

function pathTo(head: string, models: readonly ServedModel[]): Set<string> {
  const byId = new Map(models.map((model) => [model.id, model]));
  const path = new Set<string>();
  for (let model = byId.get(head); model !== undefined && !path.has(model.id); ) {
    path.add(model.id);
    model = model.parentId === undefined ? undefined : byId.get(model.parentId);
  }
  return path;
}

const MARKS = { accepted: '●', refused: '✗', sealed: '○' } as const;

function modelLine(
  model: ServedModel,
  isHead: boolean,
  names: ReadonlyMap<string, string>,
  keyed: ReadonlyMap<string, string>,
  { green, red, dim, bold }: Colors,
): string {
  const { status, partyId, steps, rows, accuracy, loss, epsilon, gates } = model;
  const paint = status === 'accepted' ? green : status === 'refused' ? red : dim;
  const maker = partyId === undefined ? undefined : (names.get(partyId) ?? shortId(partyId));
  // Sealed anew, the weights are those of the line before.
  const isCopy = status === 'sealed' && model.parentId !== undefined;
  const trained = [
    ...(steps === undefined ? [] : [`${formatCount(steps)} steps`]),
    ...(rows === undefined ? [] : [`${formatCount(rows)} rows`]),
  ].join(' on ');
  const done = [trained, epsilon === undefined ? '' : `ε = ${epsilon}`].filter((part) => part !== '').join(', ');
  const failed = gates
    .filter(({ passed }) => !passed)
    .map(({ gate, detail }) => `${spacedWords(gate)}: ${detail.split(';')[0]}`);
  const parts = [
    paint(`${MARKS[status]} ${shortId(model.id)}`),
    status === 'sealed' ? dim(sealedFor(model, maker, keyed)) : `${maker ?? 'owner'} ${status}`,
    done,
    ...(isCopy
      ? []
      : [
          accuracy === undefined ? '' : bold(formatPercent(accuracy)),
          loss === undefined ? '' : `loss ${loss.toFixed(4)}`,
        ]),
    failed.length === 0 ? '' : red(failed.join('; ')),
    isHead ? green('head') : '',
  ];
  return parts.filter((part) => part !== '').join('  ');
}

function sealedFor(model: ServedModel, maker: string | undefined, keyed: ReadonlyMap<string, string>): string {
  if (model.parentId === undefined) return 'sealed by the owner';
  const holder = maker ?? keyed.get(model.keyId);
  return `sealed anew${holder === undefined ? '' : ` for ${holder}`} under key ${shortId(model.keyId)}`;
}
