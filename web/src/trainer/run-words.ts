/** What a screen reader hears of a run: its beginning, every tenth part, and each change of state. */
import { formatDuration } from '../lib/format.ts';

export function announcement(
  title: string,
  step: number,
  steps: number,
  secondsLeft: number | undefined,
): { readonly key: string; readonly text: string } {
  const tenth = Math.floor((10 * step) / Math.max(1, steps));
  const left = secondsLeft === undefined ? '' : `, ${formatDuration(secondsLeft * 1000)} left`;
  return { key: `${title}/${tenth}`, text: `${title}: step ${step} of ${steps}${left}` };
}
