/** Training from file to file: what `train` does when all its words are understood. */

import { HermeticError } from '../base/errors.ts';
import type { Dataset } from '../data/dataset.ts';
import { type FeatureSettings, featureCount } from '../data/settings.ts';
import type { TrainingRecipe } from '../nn/architecture.ts';
import type { TrainingPlan } from '../nn/sealed/plan.ts';
import type { PhaseReport, SealedStepReport } from '../nn/sealed/training-loop.ts';
import { httpTransport } from '../protocol/http-transport.ts';
import { withFileSource } from '../protocol/node/file-source.ts';
import { readSealedModel } from '../protocol/sealed-model.ts';
import type { Bootstrapping } from '../trainer/bootstrapping.ts';
import { fit as fitSealed } from '../trainer/fit.ts';
import type { FitObserver } from '../trainer/fit-options.ts';
import { folderCheckpoints } from '../trainer/node/folder-checkpoints.ts';
import { largestBatch } from '../trainer/plan-fit.ts';
import type { PrivacyReport } from '../trainer/privacy.ts';
import type { DataFingerprint, OpenRecipe } from '../trainer/run-settings.ts';
import { readTrainerKeys, type TrainerKeys } from '../trainer/trainer-keys.ts';
import { loadBootstrappingKeys } from './bootstrapping-file.ts';
import type { ExecutorFlags } from './cluster/cluster-flags.ts';
import { executorOptions, remoteKeys, requireCheckpoint, requireTogether } from './cluster/train-on-cluster.ts';
import { type Console, toJsonLine } from './console.ts';
import { formatCount, formatPercent } from './format.ts';
import { bootstrappingKeysBeside } from './key-files.ts';
import { featureSettingsOf } from './model-files.ts';
import type { RefreshTarget } from './parsers.ts';
import { privacyOption, privacyWords } from './privacy-words.ts';
import type { Progress } from './progress.ts';
import { fileSize, requireWritable, writeSealed } from './sealed-files.ts';
import { readToken } from './token-file.ts';
import { rememberOutput } from './trained-file.ts';
import { prepareTraining, type TrainingFlags } from './training-flags.ts';

export interface TrainRequest {
  readonly model: string;
  readonly keys: string;
  /** That the keys must have. */
  readonly fingerprint?: string | undefined;
  readonly threads: number | undefined;
  readonly loadData: (settings: FeatureSettings) => Promise<Dataset>;
  readonly training: TrainingFlags;
  readonly refresh: RefreshTarget;
  /** Default: beside the keys. */
  readonly bootstrappingKeys: string | undefined;
  readonly tokenFile: string | undefined;
  readonly checkpoint: string | undefined;
  /** Default: this process computes. */
  readonly executor?: ExecutorFlags;
  readonly progress: 'auto' | 'json';
  readonly out: string;
  /** Hears of the run beside the console. */
  readonly listener?: TrainListener;
}

export interface TrainListener extends Pick<FitObserver, 'begun' | 'step'> {
  /** What is known of the recipe before the first step: all but, maybe, its learning rate. */
  readonly recipe?: (recipe: OpenRecipe) => void;
}

export interface TrainOutcome {
  readonly recipe: TrainingRecipe;
  readonly plan: TrainingPlan;
  readonly bytes: number;
  readonly modelId: string;
  /** Identity of the model that it was trained from. */
  readonly parentModel: string;
  readonly keyId: string;
  /** The run's name, the rows that it took, and the noise on them: what a training record tells. */
  readonly run: string;
  readonly data: DataFingerprint;
  readonly privacy: PrivacyReport | undefined;
  /** By this process: fewer than the recipe's after an interruption. */
  readonly stepsTaken: number;
  readonly trainingSeconds: number;
  readonly stepMs: readonly number[];
  readonly refreshes: number;
  /** Ciphertexts that were bootstrapped. */
  readonly bootstrappings: number;
  /** Phases and levels of the first step. */
  readonly phases: readonly PhaseReport[];
}

/** HermeticError as `fit`, and of everything that reads or writes a file. */
export async function trainFile(console: Console, request: TrainRequest): Promise<TrainOutcome> {
  const { refresh, tokenFile, checkpoint } = request;
  await requireWritable(request.out);
  requireUse(request);
  if (request.executor) {
    requireTogether(request.executor);
    requireCheckpoint(request.executor.executor, checkpoint);
  }
  const onWarning = (message: string): void => console.warn(message);
  const transport =
    typeof refresh === 'string'
      ? undefined
      : httpTransport({ url: refresh.href, token: await readToken(requireTokenFile(tokenFile)), onWarning });
  const keys = await loadTrainerKeys(console, request.keys, request);
  let bootstrapping: Bootstrapping | undefined;
  try {
    const model = await withFileSource(request.model, (source) =>
      readSealedModel(source, { parametersFor: () => keys.parameters, onWarning: () => {} }),
    );
    const data = await request.loadData(featureSettingsOf(model, request.model));
    const sealedBatch = largestBatch(model);
    const { recipe } = prepareTraining(request.training, { data, sealedBatch });
    request.listener?.recipe?.(recipe);
    const { learningRate, ...known } = recipe;
    if (refresh === 'bootstrap') bootstrapping = await loadBootstrapping(console, keys, request);
    const auditing = refresh === 'bootstrap' ? () => loadOwnBootstrapping(console, keys, request) : undefined;
    const executor = request.executor ? await executorOptions(console, request.executor, model, auditing) : {};
    const watch = new Watch(console, request, recipe.steps);
    const training = { features: data.features, targets: data.targets.values };
    const result = await fitSealed(model, keys, training, {
      recipe: { ...known, ...(learningRate !== undefined && { learningRate }) },
      refresh: bootstrapping ?? transport ?? 'none',
      ...executor,
      ...(checkpoint !== undefined && { checkpoint: folderCheckpoints(checkpoint) }),
      signal: stopSignal(console, request.progress),
      skipShadowRun: !request.training.shadow && learningRate !== undefined,
      ...privacyOption(request.training),
      observer: watch.observer,
    }).finally(() => watch.stop());
    const modelId = await writeSealed(request.out, result.model, keys.parameters);
    if (checkpoint !== undefined) await rememberOutput(checkpoint, modelId);
    return {
      recipe: result.recipe,
      plan: result.plan,
      bytes: await fileSize(request.out),
      modelId,
      parentModel: model.modelId,
      keyId: model.keyId,
      run: result.run,
      data: result.data,
      privacy: result.privacy,
      ...watch.summary(),
      bootstrappings: bootstrapping?.count ?? 0,
    };
  } finally {
    bootstrapping?.dispose();
    keys.dispose();
  }
}

/** A program that follows by --progress json and is gone has no use for the run: it ends with its step, and can be resumed. */
function stopSignal({ io }: Console, progress: TrainRequest['progress']): AbortSignal {
  return progress === 'json' ? AbortSignal.any([io.signal, io.unheard]) : io.signal;
}

function requireUse({ refresh, bootstrappingKeys }: TrainRequest): void {
  if (bootstrappingKeys === undefined || refresh === 'bootstrap') return;
  throw new HermeticError('BAD_ARGUMENT', 'bootstrapping keys are of no use without bootstrapping', {
    mend: 'Add --refresh bootstrap, or leave --bootstrapping-keys out.',
  });
}

function loadBootstrapping(console: Console, keys: TrainerKeys, request: TrainRequest): Promise<Bootstrapping> {
  if (request.executor?.executor !== 'dbos') return loadOwnBootstrapping(console, keys, request);
  return remoteKeys(request.bootstrappingKeys ?? bootstrappingKeysBeside(request.keys), keys);
}

function loadOwnBootstrapping(console: Console, keys: TrainerKeys, request: TrainRequest): Promise<Bootstrapping> {
  const { bootstrappingKeys, threads, progress } = request;
  const path = bootstrappingKeys ?? bootstrappingKeysBeside(request.keys);
  return loadBootstrappingKeys(console, keys, { path, threads, silent: progress === 'json' });
}

/** HermeticError DISK, BAD_FILE, WRONG_KEY for keys that are not their owner's, or have another fingerprint. */
export function loadTrainerKeys(
  console: Console,
  path: string,
  { threads, fingerprint: keyId }: { readonly threads: number | undefined; readonly fingerprint?: string | undefined },
): Promise<TrainerKeys> {
  const onWarning = (message: string): void => console.warn(message);
  const options = { ...(threads !== undefined && { threads }), ...(keyId !== undefined && { keyId }) };
  return withFileSource(path, (source) => readTrainerKeys(source, { onWarning, ...options }));
}

/** HermeticError BAD_ARGUMENT where another vocabulary is asked for than the model knows. */
export function requireVocabulary(settings: FeatureSettings, vocabulary: number | undefined): void {
  const words = featureCount(settings);
  if (vocabulary === undefined || (settings.inputs.kind === 'text' && vocabulary === words)) return;
  throw new HermeticError('BAD_ARGUMENT', 'the vocabulary travels in the model and cannot be changed', {
    expected: settings.inputs.kind === 'text' ? `${words} words` : 'no vocabulary: this model reads numbers',
    got: `${vocabulary}`,
    mend: 'Leave --vocabulary out.',
  });
}

function requireTokenFile(tokenFile: string | undefined): string {
  if (tokenFile !== undefined) return tokenFile;
  throw new HermeticError('BAD_ARGUMENT', "the owner's server wants a token", { mend: 'Give --token-file FILE.' });
}

/** Turns what happens in a run into a bar, lines, or objects for another program; keeps the times. */
class Watch {
  readonly observer: FitObserver;
  readonly #stepMs: number[] = [];
  #refreshes = 0;
  #phases: readonly PhaseReport[] = [];
  readonly #console: Console;
  readonly #asJson: boolean;
  readonly #steps: number;
  #progress: Progress | undefined;
  #done = 0;

  constructor(console: Console, { progress, listener = {} }: TrainRequest, steps: number) {
    this.#console = console;
    this.#asJson = progress === 'json';
    this.#steps = steps;
    this.observer = {
      warning: (message) => console.warn(message),
      shadow: ({ proposed, recipe, report }) => {
        const seen = `batch accuracy ${formatPercent(report.accuracy, 1)} on random weights`;
        this.#note(
          proposed
            ? `learning rate ${recipe.learningRate}, proposed by a shadow run in the clear: ${seen} (--learning-rate sets another)`
            : `shadow run in the clear: ${seen}`,
        );
      },
      privacy: (report) => {
        this.#note(privacyWords(report));
        if (report.warning !== undefined) console.warn(report.warning);
      },
      plan: (plan) => this.#plan(plan),
      resumed: (step) => {
        this.#done = step;
        this.#note(`going on after step ${step}, from the checkpoint`);
      },
      phase: (step, { phase }) => {
        if (!this.#asJson) this.#bar().update(step, `${phase} · loss locked`);
      },
      begun: (run) => listener.begun?.(run),
      step: (report) => {
        this.#step(report);
        listener.step?.(report);
      },
      retry: (attempt, { summary }) => console.warn(`${summary}; attempt ${attempt} …`),
    };
  }

  stop(): void {
    this.#progress?.stop();
  }

  summary(): Pick<TrainOutcome, 'stepsTaken' | 'trainingSeconds' | 'stepMs' | 'refreshes' | 'phases'> {
    const trainingSeconds = this.#stepMs.reduce((sum, ms) => sum + ms, 0) / 1000;
    return {
      stepsTaken: this.#stepMs.length,
      trainingSeconds,
      stepMs: this.#stepMs,
      refreshes: this.#refreshes,
      phases: this.#phases,
    };
  }

  #note(line: string): void {
    if (!this.#asJson) this.#console.note(line);
  }

  #plan({ levelsPerStep, maxLevel, ciphertexts, refreshMode, stepsPerRefresh, refreshPacking }: TrainingPlan): void {
    const what = refreshPacking ? `${refreshPacking.groups.length} bootstrappings` : 'a refresh';
    const refresh =
      refreshMode === 'none'
        ? 'no refresh'
        : `${what} every ${stepsPerRefresh === 1 ? 'step' : `${stepsPerRefresh} steps`}`;
    this.#note(
      `plan: ${levelsPerStep} of ${maxLevel} levels a step, ${formatCount(ciphertexts.refreshed)} ciphertexts, ${refresh}`,
    );
  }

  #bar(): Progress {
    this.#progress ??= this.#console.progress({ unit: 'step', total: this.#steps, start: this.#done });
    return this.#progress;
  }

  #step(report: SealedStepReport): void {
    const { step, steps, ms, level, freshLevel, refreshIn, phases } = report;
    this.#stepMs.push(ms);
    if (refreshIn === 0) this.#refreshes++;
    if (this.#phases.length === 0) this.#phases = phases;
    if (this.#asJson) {
      const event = { event: 'step', step: step + 1, steps, ms, level, freshLevel, refreshIn: refreshIn ?? null };
      this.#console.io.stderr.write(toJsonLine(event));
      return;
    }
    const refresh = refreshIn === undefined ? '' : refreshIn === 0 ? 'refreshed · ' : `refresh in ${refreshIn} · `;
    this.#bar().update(step + 1, `level ${level}/${freshLevel} · ${refresh}loss locked`);
  }
}
