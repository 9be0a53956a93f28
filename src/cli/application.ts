/** All commands under one name, with the texts for what goes wrong on the command line itself. */

import {
  type Application,
  type ApplicationText,
  ArgumentScannerError,
  buildApplication,
  buildRouteMap,
  formatMessageForArgumentScannerError,
  text_en,
} from '@stricli/core';
import { HermeticError } from '../base/errors.ts';
import { editDistance } from '../data/nearest-name.ts';
import { bench } from './commands/bench.ts';
import { blobs } from './commands/blobs.ts';
import { breakCommands } from './commands/break.ts';
import { compare } from './commands/compare.ts';
import { completion } from './commands/completion.ts';
import { demo } from './commands/demo.ts';
import { evaluate } from './commands/evaluate.ts';
import { init } from './commands/init.ts';
import { inspect } from './commands/inspect.ts';
import { join } from './commands/join.ts';
import { keygen } from './commands/keygen.ts';
import { open } from './commands/open.ts';
import { predict } from './commands/predict.ts';
import { rekey } from './commands/rekey.ts';
import { requestUnlock } from './commands/request-unlock.ts';
import { runs } from './commands/runs.ts';
import { seal } from './commands/seal.ts';
import { serve } from './commands/serve.ts';
import { service } from './commands/service.ts';
import { simulate } from './commands/simulate.ts';
import { store } from './commands/store.ts';
import { submit } from './commands/submit.ts';
import { train } from './commands/train.ts';
import { unlock } from './commands/unlock.ts';
import { worker } from './commands/worker.ts';
import type { HermeticContext } from './context.ts';
import { type Failure, failureOf, usageFailure } from './exit-codes.ts';
import { packageVersion } from './version.ts';

/** Of the words that are proposed for one that is unknown: letters left out, or a letter or two that are others. */
const SLIPS = { threshold: 4, weights: { insertion: 1, deletion: 3, substitution: 2, transposition: 0 } };

/** The application; whatever fails is handed to `report` instead of being printed. */
export function buildHermetic(report: (failure: Failure) => void): Application<HermeticContext> {
  return buildApplication<HermeticContext>(routes(), {
    name: 'hermetic',
    versionInfo: { currentVersion: packageVersion() },
    scanner: { caseStyle: 'allow-kebab-for-camel', distanceOptions: SLIPS },
    documentation: { onlyRequiredInUsageLine: true },
    localization: { text: texts(report) },
    determineExitCode: (error) => failureOf(error).exitCode,
  });
}

function routes(): ReturnType<typeof buildRouteMap<string, HermeticContext>> {
  return buildRouteMap<string, HermeticContext>({
    routes: {
      keygen,
      init,
      seal,
      serve,
      service,
      store,
      join,
      train,
      submit,
      'request-unlock': requestUnlock,
      worker,
      runs,
      blobs,
      open,
      evaluate,
      predict,
      unlock,
      rekey,
      simulate,
      inspect,
      demo,
      compare,
      break: breakCommands,
      bench,
      completion,
    },
    docs: {
      brief: 'Train a neural network that the one who trains it cannot read.',
      fullDescription: [
        'The owner makes keys, seals a network and hands it out; a trainer trains it on plaintext data without being',
        'able to read a weight; the owner opens what comes back.',
        '',
        'Or the owner runs a service (serve --store), and trainers join it.',
        '',
        '  owner     keygen, init, seal, serve, service, store, open, unlock, rekey',
        '  trainer   join, train, submit, predict, request-unlock; on many machines: worker, runs, blobs',
        '  anyone    simulate, evaluate, inspect, demo, compare, break, bench',
        '',
        'Results go to stdout, progress and questions to stderr. Exit codes: 0 done, 1 failure, 2 usage,',
        '3 verification or decryption refused, 4 denied by policy, 5 levels exhausted, 130 interrupted.',
      ].join('\n'),
    },
  });
}

function texts(report: (failure: Failure) => void): ApplicationText {
  const usage = (message: string, mend?: string): string => tell(usageFailure(message, mend));
  const tell = (failure: Failure): string => {
    report(failure);
    return failure.message;
  };
  const command = (error: unknown): string => tell(failureOf(error));
  return {
    ...text_en,
    noCommandRegisteredForInput: ({ input, corrections }) =>
      usage(
        `there is no command '${input}'`,
        corrections.length > 0
          ? `Did you mean ${corrections.map((name) => name.replaceAll('`', "'")).join(' or ')}?`
          : 'hermetic --help lists the commands.',
      ),
    exceptionWhileParsingArguments: (error) => usage(argumentMessage(error), argumentMend(error)),
    exceptionWhileLoadingCommandFunction: command,
    exceptionWhileLoadingCommandContext: command,
    exceptionWhileRunningCommand: command,
    commandErrorResult: command,
    exceptionWhileRunningIntegrationHook: ({ exception }) => command(exception),
    exceptionWhileRunningIntegrationFlag: ({ exception }) => command(exception),
  };
}

function argumentMessage(error: unknown): string {
  if (!(error instanceof ArgumentScannerError)) return failureOf(error).message;
  return formatMessageForArgumentScannerError(error, {
    FlagNotFoundError: ({ input }) => `there is no option ${option(input)}`,
    AliasNotFoundError: ({ input }) => `there is no option -${input}`,
    ArgumentParseError: ({ externalFlagNameOrPlaceholder: name, exception }) =>
      `${option(name)}: ${failureOf(exception).message}`,
    EnumValidationError: ({ externalFlagName, input, values }) =>
      `${option(externalFlagName)}: expected ${values.join(', ')}, got '${input}'`,
    UnsatisfiedFlagError: ({ externalFlagName }) => `the option ${option(externalFlagName)} is missing`,
    UnsatisfiedPositionalError: ({ placeholder }) => `the argument ${placeholder} is missing`,
    UnexpectedPositionalError: ({ input }) => `there is one word too many: '${input}'`,
    UnexpectedFlagError: ({ externalFlagName }) => `the option ${option(externalFlagName)} was given twice`,
    InvalidNegatedFlagSyntaxError: ({ externalFlagName }) => `${option(externalFlagName)} takes no value`,
  });
}

/** `learningRate` as `--learning-rate`; the name of a file, which is no option, as it is. */
function option(name: string): string {
  if (!/^[a-z][A-Za-z-]*$/.test(name)) return name;
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function argumentMend(error: unknown): string {
  // It is no option of any command, and so never among the corrections.
  const input = error instanceof Error && 'input' in error ? String(error.input) : '';
  if (editDistance(input.replace(/^-+/, ''), 'help') <= 2) return 'Did you mean --help?';
  const corrections = error instanceof Error && 'corrections' in error ? (error.corrections as string[]) : [];
  if (corrections.length > 0)
    return `Did you mean ${corrections.map((name) => option(name.replaceAll('`', ''))).join(' or ')}?`;
  if (error instanceof HermeticError && error.mend !== undefined) return error.mend;
  return 'Add --help for the usage.';
}
