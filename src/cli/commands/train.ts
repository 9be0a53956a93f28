/** `hermetic train`: a trainer teaches a network that it cannot read. */

import { buildCommand, type Command } from '@stricli/core';
import { type ExecutorFlags, executorFlags } from '../cluster/cluster-flags.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { type DataRequest, loadDataset } from '../data-source.ts';
import {
  type DataFlags,
  dataFlags,
  type FittingFlags,
  fittingFlags,
  type OutputFlags,
  outputFlags,
  type ThreadFlags,
  threadFlags,
} from '../flags.ts';
import { formatBytes, formatCount, formatDuration, formatRate } from '../format.ts';
import { type RefreshTarget, refreshTarget, text } from '../parsers.ts';
import type { TrainOutcome } from '../train-file.ts';
import { type TrainingFlags, trainingFlags } from '../training-flags.ts';

interface Flags
  extends DataFlags,
    Pick<FittingFlags, 'vocabulary'>,
    TrainingFlags,
    ExecutorFlags,
    ThreadFlags,
    OutputFlags {
  readonly keys: string;
  readonly refresh: RefreshTarget;
  readonly bootstrappingKeys: string | undefined;
  readonly tokenFile: string | undefined;
  readonly checkpoint: string | undefined;
  readonly progress: 'auto' | 'json';
  readonly out: string;
}

export const train: Command<HermeticContext> = buildCommand<Flags, [string], HermeticContext>({
  docs: {
    brief: 'Train a sealed network on plaintext data, without its key',
    fullDescription: [
      'A shadow run in the clear, on random weights of your own, tries the recipe first and proposes a learning rate',
      'where none is given. With --checkpoint the same command goes on after any interruption.',
      '',
      '  hermetic train model.sealed --keys keys/trainer.keys --data train.csv --label y --batch 256 --steps 20 \\',
      '      --learning-rate 0.1 --momentum 0.9 --refresh http://127.0.0.1:7700 --token-file token \\',
      '      --checkpoint run --out trained.sealed',
      '',
      'With keys of set B16, --refresh bootstrap needs no server: the trainer renews the weights alone.',
      'With --executor dbos workers compute (hermetic worker), and this process only coordinates them.',
    ].join('\n'),
  },
  parameters: {
    flags: {
      keys: { kind: 'parsed', parse: text, brief: 'Keys from the owner', placeholder: 'trainer.keys' },
      ...dataFlags,
      vocabulary: fittingFlags.vocabulary,
      ...trainingFlags,
      refresh: {
        kind: 'parsed',
        parse: refreshTarget,
        brief: "The owner's server; bootstrap to go on alone; none to make do with the levels there are",
        placeholder: 'URL',
        default: 'none',
      },
      bootstrappingKeys: {
        kind: 'parsed',
        parse: text,
        brief: 'Keys for --refresh bootstrap (default: bootstrapping.keys beside --keys)',
        placeholder: 'FILE',
        optional: true,
      },
      tokenFile: {
        kind: 'parsed',
        parse: text,
        brief: "Token for the owner's server",
        placeholder: 'FILE',
        optional: true,
      },
      checkpoint: {
        kind: 'parsed',
        parse: text,
        brief: 'Folder to keep the run in after every step, and to go on from',
        placeholder: 'FOLDER',
        optional: true,
      },
      progress: {
        kind: 'enum',
        values: ['auto', 'json'],
        brief: 'json: every step as an object a line on stderr',
        default: 'auto',
      },
      out: { kind: 'parsed', parse: text, brief: 'File to write', placeholder: 'trained.sealed' },
      ...executorFlags,
      ...threadFlags,
      ...outputFlags,
    },
    positional: { kind: 'tuple', parameters: [{ brief: 'A sealed model', parse: text, placeholder: 'model.sealed' }] },
  },
  func: runTrain,
});

async function runTrain(this: HermeticContext, flags: Flags, path: string): Promise<void> {
  const console = new Console(this.io, flags);
  const began = performance.now();
  const { requireVocabulary, trainFile } = await import('../train-file.ts');
  const outcome = await trainFile(console, {
    model: path,
    keys: flags.keys,
    threads: flags.threads,
    loadData: async (settings) => {
      requireVocabulary(settings, flags.vocabulary);
      return await loadDataset(flags as DataRequest, settings, 'train', this.io.signal);
    },
    training: flags,
    refresh: flags.refresh,
    bootstrappingKeys: flags.bootstrappingKeys,
    tokenFile: flags.tokenFile,
    checkpoint: flags.checkpoint,
    executor: flags,
    progress: flags.progress,
    out: flags.out,
  });
  tellOutcome(console, flags.out, outcome, (performance.now() - began) / 1000);
}

function tellOutcome(console: Console, out: string, outcome: TrainOutcome, seconds: number): void {
  const { recipe, bytes, modelId, trainingSeconds, stepsTaken, stepMs, plan, refreshes, bootstrappings, phases } =
    outcome;
  const rowsPerSecond = trainingSeconds > 0 ? (stepsTaken * recipe.batch) / trainingSeconds : 0;
  const { levelsPerStep } = plan;
  // Kilobytes, on every platform.
  const peakBytes = 1024 * process.resourceUsage().maxRSS;
  const levels = phases.map(({ phase, level }) => ({ phase, level }));
  const run = { steps: stepsTaken, refreshes, levelsPerStep, seconds, trainingSeconds, rowsPerSecond, stepMs };
  console.result(
    { out, bytes, modelId, recipe, ...run, bootstrappings, peakBytes, loss: 'locked', levels },
    ({ bold, dim }) =>
      `${bold(out)}  ${formatBytes(bytes)}: ${stepsTaken} steps of ${formatCount(recipe.batch)} in ` +
      `${formatDuration(1000 * trainingSeconds)}, ${formatRate(rowsPerSecond)} rows/s, ${dim('loss locked')}`,
  );
}
