/**
 * How an attack is told: what the attacker knows and asks, why that works, what came of it on each system, a verdict.
 *
 *   attacker     Asks
 *                “Please unlock my predictions.” …
 */

import { visibleLength } from '../colors.ts';
import type { Console } from '../console.ts';
import { Story, wrap } from '../demo/story.ts';
import { exitCodes } from '../exit-codes.ts';
import { formatCount, formatPercent } from '../format.ts';
import type { Explanation } from './explanation.ts';
import type { Trial } from './trial.ts';

export interface BreakReport {
  readonly attack: string;
  /** Parameter set and ring degree. */
  readonly set: string;
  readonly N: number;
  readonly trials: readonly Trial[];
  /** The attack opened what is unsafe, and failed on the product. */
  readonly asClaimed: boolean;
  readonly paper: string;
  readonly rule: string;
}

const INDENT = 13;
const TEXT_WIDTH = 67;
/** Of the column of verdicts. */
const VERDICT = 8;

export class Telling {
  readonly story: Story;
  readonly #console: Console;
  readonly #explanation: Explanation;
  readonly #trials: Trial[] = [];

  constructor(console: Console, explanation: Explanation) {
    this.story = new Story(console);
    this.#console = console;
    this.#explanation = explanation;
  }

  /** Title, knowledge, question, reason. */
  open(set: string, N: number): void {
    if (this.#console.quiet) return;
    const { attack, title, knows, asks, why } = this.#explanation;
    this.story.title(`hermetic break ${attack}`, title);
    this.story.line(this.story.colors.dim(`set ${set}, N = ${formatCount(N)}`));
    for (const [heading, text] of [
      ['Knows', knows],
      ['Asks', asks],
      ['Why it works', why],
    ]) {
      this.story.chapter('attacker', heading);
      this.story.tell(text);
    }
  }

  trial(trial: Trial): void {
    this.#trials.push(trial);
    if (this.#console.quiet) return;
    this.story.chapter(trial.against, trial.name);
    for (const fact of trial.facts) this.story.tell(fact);
    this.story.tell(`${this.#verdict(trial)}: ${guessWords(trial)}`, trial.seconds);
  }

  /** The last lines, or one object with --json. Returns the exit code: 0 where all is as claimed. */
  close(set: string, N: number): number {
    const { attack, paper, rule, code } = this.#explanation;
    const trials = this.#trials;
    const asClaimed = trials.every((trial) => trial.asClaimed);
    this.#summary();
    const report: BreakReport = { attack, set, N, trials, asClaimed, paper, rule };
    if (this.#console.json) this.#console.result({ ...report, code }, () => '');
    return asClaimed ? exitCodes.ok : exitCodes.failure;
  }

  #summary(): void {
    const { story } = this;
    story.line();
    story.line(story.colors.dim('─'.repeat(78)));
    for (const trial of this.#trials) {
      const share = trial.outcome ?? `${formatPercent(trial.right, 1)} in ${callWords(trial)}`;
      const verdict = this.#verdict(trial);
      const gap = ' '.repeat(Math.max(1, VERDICT - visibleLength(verdict)));
      story.line(`${trial.against.padEnd(INDENT)}${verdict}${gap}${story.colors.dim(`${trial.name}: ${share}`)}`);
    }
    story.line();
    if (this.#trials.some(({ against, asClaimed }) => against === 'product' && !asClaimed)) {
      story.line(story.colors.red('The product did not hold as SECURITY.md says it does. Please report this.'));
      story.line();
    }
    if (this.#console.quiet) return;
    const { rule, code, paper } = this.#explanation;
    this.#labelled('rule', `SECURITY.md: ${rule}`);
    this.#labelled('kept in', code);
    this.#labelled('paper', paper);
    story.line();
  }

  /** A name at the left, wrapped text beside it. */
  #labelled(name: string, text: string): void {
    for (const [i, line] of wrap(text, TEXT_WIDTH).entries())
      this.story.line(`${(i === 0 ? name : '').padEnd(INDENT)}${line}`);
  }

  /** Green where it is as claimed, red where it is not: an unsafe system is meant to open. */
  #verdict({ opened, asClaimed }: Trial): string {
    const { green, red, bold } = this.story.colors;
    return bold((asClaimed ? green : red)(opened ? 'OPEN' : asClaimed ? 'closed' : 'LEAKS'));
  }
}

function guessWords(trial: Trial): string {
  if (trial.outcome !== undefined) return `${trial.outcome}.`;
  if (trial.opened) return `the whole key in ${callWords(trial)}; it fits the public key.`;
  const [right, chance] = [trial.right, trial.chance].map((share) => formatPercent(share, 1));
  return `${right} of the key guessed in ${callWords(trial)}; always guessing the likeliest gives ${chance}.`;
}

function callWords({ calls }: Trial): string {
  return `${formatCount(calls)} call${calls === 1 ? '' : 's'}`;
}
