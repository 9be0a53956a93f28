/** `hermetic evaluate`: how good an opened model is on labelled data. */

import { buildCommand, type Command } from '@stricli/core';
import { evaluateData } from '../../nn/evaluation.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { loadDataset } from '../data-source.ts';
import { type DataFlags, dataFlags, type OutputFlags, outputFlags } from '../flags.ts';
import { formatCount, formatPercent } from '../format.ts';
import { featureSettingsOf, readPlainModel } from '../model-files.ts';
import { text } from '../parsers.ts';

type Flags = DataFlags & OutputFlags;

export const evaluate: Command<HermeticContext> = buildCommand<Flags, [string], HermeticContext>({
  docs: {
    brief: 'Measure an opened model on labelled data',
    fullDescription: '  hermetic evaluate trained.safetensors --data test.csv --label y --json',
  },
  parameters: {
    flags: { ...dataFlags, ...outputFlags },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'An opened model', parse: text, placeholder: 'model.safetensors' }],
    },
  },
  func: runEvaluate,
});

async function runEvaluate(this: HermeticContext, flags: Flags, path: string): Promise<void> {
  const console = new Console(this.io, flags);
  const model = await readPlainModel(path);
  const data = await loadDataset(flags, featureSettingsOf(model, path), 'evaluate', this.io.signal);
  const { rows, accuracy, auc, loss } = evaluateData(model.architecture, model.weights, {
    features: data.features,
    targets: data.targets.values,
  });
  console.result({ rows, accuracy, auc, loss }, (colors) =>
    [
      `rows      ${formatCount(rows)}`,
      `accuracy  ${colors.bold(formatPercent(accuracy))}`,
      `AUC       ${Number.isNaN(auc) ? '– (one class only)' : auc.toFixed(4)}`,
      `loss      ${loss.toFixed(4)}`,
    ].join('\n'),
  );
}
