/** `hermetic train`: a trainer teaches a network that it cannot read. */

import { buildCommand, type Command } from '@stricli/core';
import { HermeticError } from '../../base/errors.ts';
import type { FeatureSettings } from '../../data/settings.ts';
import type { ServedModel } from '../../protocol/service/types.ts';
import { type ExecutorFlags, executorFlags } from '../cluster/cluster-flags.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { type DataRequest, loadDataset } from '../data-source.ts';
import {
  type DataFlags,
  dataFlags,
  type FingerprintFlag,
  type FittingFlags,
  fingerprintFlag,
  fittingFlags,
  type OutputFlags,
  outputFlags,
  type ThreadFlags,
  threadFlags,
} from '../flags.ts';
import { formatBytes, formatCount, formatDuration, formatRate } from '../format.ts';
import { type ForceFlags, forceFlags } from '../output-file.ts';
import { type RefreshTarget, refreshTarget, text } from '../parsers.ts';
import type { TrainOutcome } from '../train-file.ts';
import { type TrainingFlags, trainingFlags } from '../training-flags.ts';

interface Flags
  extends DataFlags,
    Pick<FittingFlags, 'vocabulary'>,
    TrainingFlags,
    ExecutorFlags,
    FingerprintFlag,
    ForceFlags,
    ThreadFlags,
    OutputFlags {
  readonly joined: string | undefined;
  readonly submit: boolean;
  readonly keys: string | undefined;
  readonly refresh: RefreshTarget | undefined;
  readonly bootstrappingKeys: string | undefined;
  readonly tokenFile: string | undefined;
  readonly checkpoint: string | undefined;
  readonly progress: 'auto' | 'json';
  readonly out: string | undefined;
}

export const train: Command<HermeticContext> = buildCommand<Flags, [string?], HermeticContext>({
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
      '',
      '--privacy 4 adds noise to features and labels of every row, once, before training: whatever the owner does with the',
      'model, replacing a row changes no outcome by more than a factor of e^4 (and 0.00001). Every run on the same rows spends',
      'that anew; predictions are not covered. Small numbers take many rows: simulate --privacy tells the accuracy beforehand.',
      '',
      'In a folder that hermetic join made, everything but the data and the recipe is known, and the result is handed in:',
      '',
      '  hermetic train --joined churn --data train.csv --label y --batch 256 --steps 20',
    ].join('\n'),
  },
  parameters: {
    flags: {
      joined: {
        kind: 'parsed',
        parse: text,
        brief: 'Folder of hermetic join, instead of a model, --keys, --refresh, --token-file and --out',
        placeholder: 'FOLDER',
        optional: true,
      },
      submit: { kind: 'boolean', brief: 'With --joined: hand the result in', default: true },
      keys: {
        kind: 'parsed',
        parse: text,
        brief: 'Keys from the owner',
        placeholder: 'trainer.keys',
        optional: true,
      },
      ...fingerprintFlag,
      ...dataFlags,
      vocabulary: fittingFlags.vocabulary,
      ...trainingFlags,
      refresh: {
        kind: 'parsed',
        parse: refreshTarget,
        brief:
          "The owner's server; bootstrap to go on alone; none to make do with the levels there are (default: none)",
        placeholder: 'URL',
        optional: true,
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
        brief: 'Folder to keep the run in after every step, and to go on from (with --joined: in that folder)',
        placeholder: 'FOLDER',
        optional: true,
      },
      progress: {
        kind: 'enum',
        values: ['auto', 'json'],
        brief: 'json: every step as an object a line on stderr',
        default: 'auto',
      },
      out: { kind: 'parsed', parse: text, brief: 'File to write', placeholder: 'trained.sealed', optional: true },
      ...forceFlags,
      ...executorFlags,
      ...threadFlags,
      ...outputFlags,
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'A sealed model', parse: text, placeholder: 'model.sealed', optional: true }],
    },
  },
  func: runTrain,
});

async function runTrain(this: HermeticContext, flags: Flags, path?: string): Promise<void> {
  const console = new Console(this.io, flags);
  const began = performance.now();
  const { requireVocabulary, trainFile } = await import('../train-file.ts');
  const { requireTogether } = await import('../cluster/train-on-cluster.ts');
  const { requireOwnOutput } = await import('../trained-file.ts');
  const common = {
    threads: flags.threads,
    fingerprint: flags.fingerprint,
    loadData: async (settings: FeatureSettings) => {
      requireVocabulary(settings, flags.vocabulary);
      return await loadDataset(flags as DataRequest, settings, 'train', this.io.signal);
    },
    training: flags,
    executor: flags,
    progress: flags.progress,
  };
  const seconds = () => (performance.now() - began) / 1000;
  if (flags.joined !== undefined) {
    requireNothingKnown(flags, path);
    // Before the service is asked for anything.
    requireTogether(flags);
    const service = await import('../service/train-joined.ts');
    const joined = { ...common, folder: flags.joined, submit: flags.submit, checkpoint: flags.checkpoint };
    const { outcome, out, answer } = await service.trainJoined(console, joined);
    // Before the result: a refusal is a failure, and is told as one.
    service.requireAccepted(answer);
    tellOutcome(console, out, outcome, seconds(), answer && { ...answer, words: service.answerWords(answer) });
    return;
  }
  const { model, keys, out } = requireNamed(flags, path);
  const { refresh = 'none', bootstrappingKeys, tokenFile, checkpoint, data, force } = flags;
  if (checkpoint === undefined && flags.progress === 'auto') {
    console.note('nothing is kept on the way: with --checkpoint FOLDER a run that is stopped goes on where it was');
  }
  await requireOwnOutput({ out, inputs: [model, keys, data, bootstrappingKeys, tokenFile], force, checkpoint });
  const files = { model, keys, refresh, bootstrappingKeys, tokenFile, checkpoint, out };
  tellOutcome(console, out, await trainFile(console, { ...common, ...files }), seconds());
}

/** HermeticError BAD_ARGUMENT for what the folder says. */
function requireNothingKnown(flags: Flags, path: string | undefined): void {
  const { keys, refresh, bootstrappingKeys, tokenFile, out } = flags;
  const known = { keys, refresh, bootstrappingKeys, tokenFile, out, 'model.sealed': path };
  const [given] = Object.entries(known).find(([, value]) => value !== undefined) ?? [];
  if (given === undefined) return;
  const name =
    given === 'model.sealed' ? given : `--${given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new HermeticError('BAD_ARGUMENT', `the joined folder says already what ${name} would`, {
    mend: `Leave ${name} out, or --joined.`,
  });
}

/** HermeticError BAD_ARGUMENT where a model, its keys or the file to write are not named. */
function requireNamed({ keys, out }: Flags, model: string | undefined): Record<'model' | 'keys' | 'out', string> {
  if (model !== undefined && keys !== undefined && out !== undefined) return { model, keys, out };
  const missing =
    model === undefined ? 'the argument model.sealed' : `the option ${keys === undefined ? '--keys' : '--out'}`;
  throw new HermeticError('BAD_ARGUMENT', `${missing} is missing`, {
    mend: 'Give it, or --joined FOLDER for a folder that hermetic join made.',
  });
}

interface Answer extends ServedModel {
  readonly words: string;
}

function tellOutcome(console: Console, out: string, outcome: TrainOutcome, seconds: number, answer?: Answer): void {
  const { recipe, bytes, modelId, trainingSeconds, stepsTaken, stepMs, plan, refreshes, bootstrappings, phases } =
    outcome;
  const rowsPerSecond = trainingSeconds > 0 ? (stepsTaken * recipe.batch) / trainingSeconds : 0;
  const { levelsPerStep } = plan;
  // Kilobytes, on every platform.
  const peakBytes = 1024 * process.resourceUsage().maxRSS;
  const levels = phases.map(({ phase, level }) => ({ phase, level }));
  const run = { steps: stepsTaken, refreshes, levelsPerStep, seconds, trainingSeconds, rowsPerSecond, stepMs };
  const { words, ...submission } = answer ?? { words: undefined };
  const privacy = outcome.privacy && { privacy: outcome.privacy };
  const submitted = answer === undefined ? {} : { submission };
  console.result(
    {
      out,
      bytes,
      modelId,
      recipe,
      ...run,
      ...privacy,
      bootstrappings,
      peakBytes,
      loss: 'locked',
      levels,
      ...submitted,
    },
    ({ bold, dim }) => {
      const work =
        stepsTaken === 0
          ? `all ${formatCount(recipe.steps)} steps were taken before`
          : `${stepsTaken} steps of ${formatCount(recipe.batch)} in ${formatDuration(1000 * trainingSeconds)}, ` +
            `${formatRate(rowsPerSecond)} rows/s`;
      const more = words === undefined ? '' : `\n${words}`;
      return `${bold(out)}  ${formatBytes(bytes)}: ${work}, ${dim('loss locked')}${more}`;
    },
  );
}
