/** Predictions that the owner unlocked, one at a time. */

import { escapeHtml } from '../escape.ts';
import type { DemoReport, UnlockedPrediction } from '../report.ts';

export function predictions({ predictions: items, rowName }: DemoReport): string {
  if (items.length === 0) return '';
  return `<section class="card">
<h2>Sealed predictions, unlocked one at a time</h2>
<p class="sub">The trainer’s answer is a ciphertext. The owner releases one class for each ${escapeHtml(rowName)}, never the raw value: raw values would give the key away.</p>
<table class="stack">
<thead><tr><th>${escapeHtml(capital(rowName))}</th><th>Truth</th><th>Unlocked</th><th>In the clear</th></tr></thead>
<tbody>${items.map(row).join('')}</tbody>
</table>
</section>`;
}

function row({ text, truth, sealed, clear }: UnlockedPrediction): string {
  const judged = (answer: string): string =>
    `<span class="verdict-cell ${answer === truth ? 'right' : 'wrong'}">${escapeHtml(answer)} ${answer === truth ? '✓' : '✗'}</span>`;
  return (
    `<tr><td class="full"><blockquote>${escapeHtml(text)}</blockquote></td>` +
    `<td data-label="Truth">${escapeHtml(truth)}</td>` +
    `<td data-label="Unlocked">${judged(sealed)}</td><td data-label="In the clear">${judged(clear)}</td></tr>`
  );
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
