import { describe, expect, it } from 'vitest';
import type { Lineage, ServedModel } from '../../protocol/service/types.ts';
import { colorsFor } from '../colors.ts';
import { lineageGraph } from './lineage-graph.ts';
import { textTable } from './text-table.ts';

const plain = colorsFor({ write: () => {} }, { NO_COLOR: '1' });
const AT = '2030-01-02T03:04:05.000Z';
const id = (letter: string) => letter.repeat(16);

function model(letter: string, parent: string | undefined, more: Partial<ServedModel> = {}): ServedModel {
  return {
    id: id(letter),
    networkId: id('0'),
    ...(parent !== undefined && { parentId: id(parent) }),
    keyId: id('9'),
    status: 'sealed',
    createdAt: AT,
    round: 0,
    bytes: 1,
    sha256: id('8'),
    gates: [],
    ...more,
  };
}

function lineage(head: string, models: ServedModel[]): Lineage {
  const layer = { inputs: 3, units: 2, activation: 'lin4', useBias: false };
  const network = {
    ...{ id: id('0'), name: 'net', createdAt: AT, weights: 6, set: 'L14', securityBits: 128, gates: {} },
    ...{ layers: [layer], heldOutRows: 0, headId: id(head), models: models.length, parties: 1 },
  };
  const refreshes = { used: 0, budget: 0 };
  const party = { id: id('1'), name: 'Ada', role: 'trainer', createdAt: AT, keyId: id('9'), refreshes } as const;
  return { network, models, parties: [party], keys: [] };
}

const ada = { partyId: id('1') };

describe('the lineage as a graph', () => {
  it('is a line where each model has one child', () => {
    const models = [
      model('a', undefined, { accuracy: 0.5, loss: 0.25 }),
      model('b', 'a', { ...ada, accuracy: 0.5, loss: 0.25 }),
      model('c', 'b', { ...ada, status: 'accepted', steps: 20, rows: 1000, accuracy: 0.875, loss: 0.0625 }),
    ];
    expect(lineageGraph(lineage('c', models), plain).split('\n')).toEqual([
      'net  3-2, set L14, 128-bit security',
      '○ aaaaaaaaaaaa  sealed by the owner  50.00 %  loss 0.2500',
      '○ bbbbbbbbbbbb  sealed anew for Ada under key 999999999999',
      '● cccccccccccc  Ada accepted  20 steps on 1,000 rows  87.50 %  loss 0.0625  head',
    ]);
  });

  it('shows what was refused, and branches before the line that leads to the head', () => {
    const gates = [{ gate: 'accuracyDrop', passed: false, detail: '9 % after 86 %; 2 points may be lost' }] as const;
    const models = [
      model('a', undefined),
      model('b', 'a', ada),
      model('c', 'a', ada),
      model('d', 'b', { ...ada, status: 'refused', gates }),
      model('e', 'c', { ...ada, status: 'accepted', steps: 2, rows: 9, epsilon: 2 }),
      model('f', 'b', { ...ada, status: 'accepted' }),
    ];
    expect(lineageGraph(lineage('e', models), plain).split('\n').slice(1)).toEqual([
      '○ aaaaaaaaaaaa  sealed by the owner',
      '├─○ bbbbbbbbbbbb  sealed anew for Ada under key 999999999999',
      '│ ├─✗ dddddddddddd  Ada refused  accuracy drop: 9 % after 86 %',
      '│ └─● ffffffffffff  Ada accepted',
      '○ cccccccccccc  sealed anew for Ada under key 999999999999',
      '● eeeeeeeeeeee  Ada accepted  2 steps on 9 rows, ε = 2  head',
    ]);
  });

  it('leaves nothing out whose parent is not known', () => {
    const text = lineageGraph(lineage('a', [model('a', undefined), model('b', 'f')]), plain);
    expect(text).toContain('bbbbbbbbbbbb');
  });
});

describe('a table', () => {
  it('is as wide as its cells, with figures to the right', () => {
    const rows = [
      ['a', '1'],
      ['long name', '1,000'],
    ];
    expect(textTable(plain, [{ name: 'name' }, { name: 'n', align: 'right' }], rows)).toBe(
      'name           n\na              1\nlong name  1,000',
    );
  });
});
