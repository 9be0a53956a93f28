/** How the network learned, and how one step spends its levels. */

import { formatPercent } from '../../format.ts';
import { type LineChart, legend, lineChart, type Series } from '../charts.ts';
import { escapeHtml } from '../escape.ts';
import { levelChart } from '../level-chart.ts';
import type { DemoReport } from '../report.ts';

export function curves(report: DemoReport): string {
  const { clear, sealed } = report.curves;
  const accuracy: Series[] = [
    { name: 'in the clear', style: 'clear', points: clear.testAccuracy },
    { name: 'sealed, where the owner opened it', style: 'sealed', points: sealed.testAccuracy, sparse: true },
  ];
  const loss: Series[] = [
    { name: 'batch loss, in the clear', style: 'faint', points: clear.trainingLoss },
    { name: 'test loss, in the clear', style: 'clear', points: clear.testLoss },
    { name: 'test loss, sealed, where the owner opened it', style: 'sealed', points: sealed.testLoss, sparse: true },
  ];
  const marks = handovers(report);
  const percent = (digits: number) => (value: number) => formatPercent(value, digits);
  return `<div class="two">
${chartCard('Accuracy on the test set', 'Between the dots nobody can know how good the sealed network is: its trainer sees ciphertexts only.', accuracy, { xLabel: 'step', title: 'Test accuracy by training step', formatY: percent(0), formatPoint: percent(2), marks })}
${chartCard('Loss', 'The trainer’s screen says “loss locked”. The clear twin shows what it would have seen.', loss, { xLabel: 'step', title: 'Loss by training step', formatY: (value) => value.toFixed(2), formatPoint: (value) => value.toFixed(3), marks })}
</div>`;
}

/** Where one trainer handed over to the next. */
function handovers({ rounds }: DemoReport): { step: number; label: string }[] {
  let step = 0;
  return rounds.map((round) => {
    const mark = { step, label: round.trainer };
    step += round.steps;
    return mark;
  });
}

function chartCard(title: string, sub: string, series: Series[], chart: Omit<LineChart, 'series'>): string {
  return `<section class="card">
<h2>${escapeHtml(title)}</h2>
<p class="sub">${escapeHtml(sub)}</p>
${lineChart({ ...chart, series })}
${legend(series)}
</section>`;
}

export function levels({ levels: marks, parameters, refresh }: DemoReport): string {
  const start = marks[0]?.level ?? 0;
  const after = {
    owner: `A step starts at ${start}, for work at low levels is cheaper; at its end the weights go to the owner, masked, and come back fresh.`,
    bootstrap: `The first step starts at ${start}; when levels run out, bootstrapping brings the weights back there.`,
    none: 'No refresh: the levels of the parameters are the budget.',
  }[refresh.mode];
  return `<section class="card">
<h2>Levels over one step</h2>
<p class="sub">Every multiplication costs a level; set ${escapeHtml(parameters.set)} has ${parameters.levels}. ${after}</p>
${levelChart(marks)}
</section>`;
}
