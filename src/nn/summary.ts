/** A network as a table for people. */

import { groupedDigits } from '../base/grouped-digits.ts';
import { degree } from './activations.ts';
import type { Architecture } from './architecture.ts';
import { parameterCount } from './weights.ts';

/** One line a layer (shape, activation and its degree, parameters) and the total. */
export function summarize(architecture: Architecture): string {
  const header = ['Layer', 'Shape', 'Activation', 'Degree', 'Parameters'];
  const rows = architecture.layers.map((layer, i) => [
    `dense ${i + 1}`,
    `${layer.inputs} → ${layer.units}${layer.useBias ? ' + bias' : ''}`,
    layer.activation.name,
    String(degree(layer.activation)),
    groupedDigits(parameterCount({ layers: [layer] })),
  ]);
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, c) => (c < 3 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join('  ');
  const rule = '─'.repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  const total = `Parameters: ${groupedDigits(parameterCount(architecture))}`;
  return [line(header), rule, ...rows.map(line), rule, total].join('\n');
}
