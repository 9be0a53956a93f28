/** The style sheet of a report: light and dark by the reader's preference, from a telephone to a wide screen. */

export const STYLE: string = `
:root {
  color-scheme: light dark;
  --page: #f6f6f4; --card: #ffffff; --ink: #1c1d22; --soft: #5d6068; --rule: #e3e3df; --grid: #ececea;
  --sealed: #5746d8; --clear: #0d8f7c; --faint: #b3b7c0; --owner: #b7660a; --a: #2f6fde; --b: #0d8f7c;
  --track: #efefec; --code: #f1f1ee; --good: #0d7a4f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #131417; --card: #1c1e23; --ink: #ececf0; --soft: #a1a5b0; --rule: #2e3138; --grid: #2a2d34;
    --sealed: #a99cff; --clear: #4fd1bd; --faint: #5d626e; --owner: #f0a94f; --a: #7aa9ff; --b: #4fd1bd;
    --track: #25282f; --code: #25282f; --good: #5fd39b;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%;
}
main { max-width: 1120px; margin: 0 auto; padding: 48px 24px 64px; }
h1 { font-size: 34px; line-height: 1.15; margin: 0 0 10px; letter-spacing: -0.02em; text-wrap: balance; }
h2 { font-size: 18px; margin: 0 0 4px; letter-spacing: -0.01em; }
p { margin: 0 0 12px; }
.eyebrow { color: var(--sealed); font-weight: 650; font-size: 14px; margin: 0 0 8px; letter-spacing: .02em; }
.lead { color: var(--soft); font-size: 18px; max-width: 68ch; margin-bottom: 28px; }
.sub { color: var(--soft); font-size: 14px; margin: 0 0 16px; max-width: 76ch; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 14px; padding: 22px; min-width: 0; }
section { margin-top: 18px; }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 18px; margin-top: 18px; }
.two > section { margin-top: 0; }
.figures { display: grid; grid-template-columns: 2fr 1fr 1fr; gap: 18px; }
.figures > section { margin: 0; }
.figures .wide { grid-row: span 2; display: flex; flex-direction: column; }
.figures .wide .verdict { margin-top: auto; padding-top: 14px; }
.figure .label { color: var(--soft); font-size: 14px; }
.figure .number { font-size: 30px; font-weight: 680; letter-spacing: -0.02em; line-height: 1.25; white-space: nowrap; }
.figure .unit { font-size: 16px; font-weight: 500; color: var(--soft); letter-spacing: 0; }
.figure .more { color: var(--soft); font-size: 13px; line-height: 1.4; }
.versus { margin-top: 12px; display: flex; justify-content: space-between; align-items: baseline; }
.versus .who { color: var(--soft); }
.versus .what { font-weight: 680; font-size: 24px; letter-spacing: -0.01em; }
.track { background: var(--track); border-radius: 6px; height: 12px; overflow: hidden; margin-top: 4px; }
.fill { height: 100%; border-radius: 6px; }
.fill.sealed, .key.sealed { background: var(--sealed); } .fill.clear, .key.clear { background: var(--clear); }
.key.faint { background: var(--faint); }
.verdict { margin: 0; font-size: 14px; color: var(--soft); }
.chart { display: block; width: 100%; height: auto; }
.chart text { font-size: 13px; fill: var(--soft); font-family: inherit; }
.chart .grid { stroke: var(--grid); } .chart line.mark { stroke: var(--faint); stroke-dasharray: 2 5; }
.chart .line { fill: none; stroke-width: 2.25; stroke-linejoin: round; stroke-linecap: round; }
.chart .line.clear { stroke: var(--clear); } .chart .line.faint { stroke: var(--faint); stroke-width: 1.5; }
.chart .line.sealed { stroke: var(--sealed); }
.chart .line.level { stroke: var(--sealed); stroke-width: 2.5; }
.chart .area { fill: var(--sealed); opacity: .1; }
.chart .dot { stroke: var(--card); stroke-width: 2; } .chart .dot.sealed { fill: var(--sealed); }
.chart .dot.level { fill: var(--sealed); stroke-width: 1.5; }
.chart text.value { font-weight: 650; } .chart text.value.sealed { fill: var(--sealed); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 10px 0 0; padding: 0; font-size: 14px; color: var(--soft); }
.legend li { display: flex; align-items: center; gap: 8px; }
.key { width: 18px; height: 3px; border-radius: 2px; flex: none; } .key.round { width: 11px; height: 11px; border-radius: 50%; }
.lanes { display: grid; grid-template-columns: max-content 1fr; gap: 10px 14px; align-items: center; }
.lane-name { font-size: 14px; font-weight: 600; white-space: nowrap; }
.lane { position: relative; height: 26px; background: var(--track); border-radius: 7px; overflow: hidden; }
.span { position: absolute; top: 0; bottom: 0; border-radius: 5px; min-width: 2px; border-right: 1px solid var(--card); }
.actor-0 { background: var(--owner); } .actor-1 { background: var(--a); } .actor-2 { background: var(--b); } .actor-3 { background: var(--faint); }
.lane-axis { display: flex; justify-content: space-between; font-size: 13px; color: var(--soft); }
.phases { columns: 2; column-gap: 36px; margin: 20px 0 0; padding: 0; list-style: none; font-size: 14px; }
.phases li { display: flex; gap: 10px; align-items: baseline; break-inside: avoid; padding: 3px 0; }
.phases .chip { width: 9px; height: 9px; border-radius: 3px; flex: none; }
.phases .t { margin-left: auto; color: var(--soft); white-space: nowrap; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th { text-align: left; color: var(--soft); font-weight: 500; font-size: 13px; padding: 0 12px 6px 0; }
td { padding: 8px 12px 8px 0; border-top: 1px solid var(--rule); vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
td.n, th.n { text-align: right; white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 7px 18px; margin: 0; font-size: 14px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
blockquote { margin: 0; overflow-wrap: anywhere; }
.verdict-cell { white-space: nowrap; font-weight: 600; }
.right { color: var(--good); } .wrong { color: var(--owner); }
code, pre { font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
pre { background: var(--code); border-radius: 10px; padding: 12px 16px; margin: 0 0 14px; overflow-x: auto; }
.notes { margin: 0; padding-left: 20px; font-size: 14px; color: var(--soft); } .notes li { margin-bottom: 6px; }
footer { color: var(--soft); font-size: 13px; margin-top: 28px; }
@media (max-width: 900px) {
  .figures { grid-template-columns: 1fr 1fr; } .figures .wide { grid-column: span 2; } .two { grid-template-columns: 1fr; }
}
@media (max-width: 560px) {
  main { padding: 28px 14px 40px; } h1 { font-size: 27px; } .lead { font-size: 16px; }
  .card { padding: 16px; border-radius: 12px; } .figures, .two { gap: 12px; } section { margin-top: 12px; } .two { margin-top: 12px; }
  .figure .number { font-size: 23px; } .figure .unit { font-size: 14px; }
  .chart text { font-size: 17px; } .phases { columns: 1; }
  .stack thead { display: none; } .stack tr { display: block; border-top: 1px solid var(--rule); padding: 10px 0; }
  .stack tr:first-child { border-top: 0; } .stack td { display: flex; gap: 12px; border: 0; padding: 2px 0; white-space: normal; text-align: left; }
  .stack td::before { content: attr(data-label); color: var(--soft); flex: 0 0 92px; }
  .stack td.full { display: block; padding-bottom: 6px; } .stack td.full::before { content: none; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 9px; }
}
@media print { body { background: #fff; } .card { break-inside: avoid; } }
`;
