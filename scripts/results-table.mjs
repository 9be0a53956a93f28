/** node scripts/results-table.mjs REPORT.json …: the figures of demonstrations as the table of docs/results.md. */
import { readFileSync } from 'node:fs';

const percent = (share) => `${(100 * share).toFixed(2)} %`;
const rate = (x) => (x >= 100 ? String(Math.round(x)) : x.toPrecision(2));

function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, '0')}s`;
}

function row(report) {
  const { network, recipe, refresh, parameters, sizes } = report;
  const gigabytes = (name) => {
    const size = sizes.find((candidate) => candidate.name === name);
    return size === undefined ? '–' : `${(size.bytes / 1e9).toFixed(1)} GB`;
  };
  return [
    `\`${report.command.replace('npx ', '')}\``,
    network.shape,
    `${recipe.steps} × ${recipe.batch}`,
    percent(report.sealedTestAccuracy),
    percent(report.clearTestAccuracy),
    `2^-${report.weightErrorBits.toFixed(1)}`,
    `${rate(report.reviewsPerSecond)}/s`,
    duration(report.trainingSeconds),
    duration(report.wallSeconds),
    `${refresh.calls}, ${refresh.ciphertexts}`,
    parameters.set,
    gigabytes('Memory at the worst moment'),
  ];
}

const HEAD = [
  'command',
  'network',
  'steps × rows',
  'sealed',
  'clear twin',
  'largest weight error',
  'rows',
  'training',
  'in all',
  'refreshes, ciphertexts',
  'set',
  'trainer’s memory',
];

const reports = process.argv.slice(2).map((path) => JSON.parse(readFileSync(path, 'utf8')));
if (reports.length === 0) {
  process.stderr.write('usage: node scripts/results-table.mjs out/NAME/report.json …\n');
  process.exit(2);
}
const line = (cells) => `| ${cells.join(' | ')} |\n`;
process.stdout.write(line(HEAD) + line(HEAD.map(() => '---')) + reports.map((report) => line(row(report))).join(''));
const { machine } = reports[0];
process.stdout.write(`\n${machine.cpu}, ${machine.cores} cores, ${machine.threads} threads, Node ${machine.node}.\n`);
