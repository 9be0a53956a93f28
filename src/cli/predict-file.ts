/** Predictions from file to file: what `predict` does when all its words are understood. */

import type { Dataset } from '../data/dataset.ts';
import type { FeatureSettings } from '../data/settings.ts';
import { writeFileAtomically } from '../protocol/node/atomic-file.ts';
import { withFileSource } from '../protocol/node/file-source.ts';
import { readSealedModel } from '../protocol/sealed-model.ts';
import { writeSealedPredictions } from '../protocol/sealed-predictions.ts';
import { predictSealed } from '../trainer/predict.ts';
import type { Console } from './console.ts';
import { featureSettingsOf } from './model-files.ts';
import { requireOutput } from './output-file.ts';
import type { Progress } from './progress.ts';
import { fileSize } from './sealed-files.ts';
import { loadTrainerKeys } from './train-file.ts';

export interface PredictRequest {
  readonly model: string;
  readonly keys: string;
  /** That the keys must have. */
  readonly fingerprint?: string | undefined;
  readonly threads: number | undefined;
  readonly loadData: (settings: FeatureSettings) => Promise<Dataset>;
  readonly out: string;
  /** Files that are read, and whether another is replaced. */
  readonly inputs: readonly string[];
  readonly force: boolean;
}

export interface PredictOutcome {
  readonly rows: number;
  readonly ciphertexts: number;
  readonly bytes: number;
}

/** HermeticError as `predictSealed`, and of everything that reads or writes a file. */
export async function predictFile(console: Console, request: PredictRequest): Promise<PredictOutcome> {
  await requireOutput({ ...request, kind: 'sealed-predictions' });
  const keys = await loadTrainerKeys(console, request.keys, request);
  let progress: Progress | undefined;
  try {
    const model = await withFileSource(request.model, (source) =>
      readSealedModel(source, { parametersFor: () => keys.parameters, onWarning: () => {} }),
    );
    const { features, classes } = await request.loadData(featureSettingsOf(model, request.model));
    progress = console.progress({ unit: 'row', total: features.rows });
    const predictions = await predictSealed(model, keys, features, {
      classNames: classes,
      signal: console.io.signal,
      onProgress: (done) => progress?.update(done),
    });
    await writeFileAtomically(request.out, (sink) => writeSealedPredictions(sink, predictions, keys.parameters));
    return { rows: features.rows, ciphertexts: predictions.records.length, bytes: await fileSize(request.out) };
  } finally {
    progress?.stop();
    keys.dispose();
  }
}
