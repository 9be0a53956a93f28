/** Layers as a line of text, as the command line takes them: `8:square,1:lin4`. */

import { HermeticError } from '../base/errors.ts';
import { parseActivation } from './activations.ts';
import type { Activation, Architecture, DenseLayer } from './architecture.ts';

const MAX_UNITS = 2 ** 16;

/** Units and activations of dense layers, first to last; without a colon the activation is linear. */
export function parseLayers(text: string): { units: number; activation: Activation }[] {
  return splitOutsideParentheses(text).map((part) => {
    const [, unitsText, activationText] = /^\s*(\d+)\s*(?::(.*))?$/.exec(part) ?? [];
    const units = Number(unitsText);
    if (!Number.isInteger(units) || units < 1 || units > MAX_UNITS) {
      throw new HermeticError('BAD_ARGUMENT', `cannot read the layer '${part.trim()}'`, {
        expected: `UNITS:ACTIVATION with 1 to ${MAX_UNITS} units, such as 8:square,1:lin4`,
      });
    }
    return { units, activation: parseActivation(activationText ?? 'linear') };
  });
}

/** The network of `parseLayers` on `inputs` features. */
export function parseArchitecture(text: string, inputs: number, useBias: boolean = true): Architecture {
  const layers: DenseLayer[] = [];
  for (const { units, activation } of parseLayers(text)) {
    layers.push({ kind: 'dense', inputs: layers.at(-1)?.units ?? inputs, units, activation, useBias });
  }
  return { layers };
}

function splitOutsideParentheses(text: string): string[] {
  return text.split(/,(?![^()]*\))/);
}
