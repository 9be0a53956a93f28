import { describe, expect, it } from 'vitest';
import { HermeticError } from '../base/errors.ts';
import { parseArchitecture, parseLayers } from './layer-spec.ts';

describe('parseLayers', () => {
  it('reads units and activations', () => {
    const parsed = parseLayers('64:shiftedSquare(0.7), 8 : polynomial(1,2,3) ,1');
    expect(parsed.map((layer) => layer.units)).toEqual([64, 8, 1]);
    expect(parsed.map((layer) => layer.activation.name)).toEqual(['shiftedSquare(0.7)', 'polynomial(1,2,3)', 'linear']);
  });

  it('chains the sizes', () => {
    const { layers } = parseArchitecture('8:square,1:lin4', 30);
    expect(layers.map((layer) => [layer.inputs, layer.units, layer.useBias])).toEqual([
      [30, 8, true],
      [8, 1, true],
    ]);
  });

  it('refuses what it cannot read, in one line', () => {
    for (const text of ['', '8:', ':square', '0:square', '8:relu', '8:square,,1', '-1', '1e3', '99999999']) {
      expect(() => parseLayers(text), text).toThrow(HermeticError);
    }
  });
});
