/** Help within the width of a terminal: paragraphs are filled, tables and long commands go on under themselves. */

const HEADING = /^[A-Z]+$/;
/** A row of a table: what it is about, a gap, what is said of it. */
const ROW = /^( +(?:-\w +)?\S(?:.*?\S)?)( {2,})(\S.*)$/;
/** What stands in brackets, or is an option with its value, is not torn apart. */
const WORD = /(?:\[[^\]]*\]|\(--[^()]*\)|\S)+/g;
/** Where a command goes on in the next line. */
const CONTINUED = ' \\';

/** The text with no line longer than `columns`, where its words allow it. */
export function wrapHelp(text: string, columns: number): string {
  let section = '';
  const out: string[] = [];
  let paragraph: string[] = [];
  const fill = () => {
    if (paragraph.length > 0) out.push(...wrapWords(paragraph.join(' '), columns));
    paragraph = [];
  };
  for (const line of text.replace(/ \\\n +/g, ' ').split('\n')) {
    const prose = /^\S/.test(line) && !HEADING.test(line);
    if (prose) {
      paragraph.push(line);
      continue;
    }
    fill();
    if (HEADING.test(line)) section = line;
    out.push(...(line.length === 0 || HEADING.test(line) ? [line] : wrapLine(line, section, columns)));
    // Under USAGE stand the description's lines, after a gap.
    if (section === 'USAGE' && line === '') section = '';
  }
  fill();
  return out.join('\n');
}

function wrapLine(line: string, section: string, columns: number): string[] {
  const indent = line.length - line.trimStart().length;
  if (section === '') {
    if (line.length <= columns) return [line];
    const isCommand = line.startsWith('  hermetic ');
    return hang(line.trim(), ' '.repeat(indent), ' '.repeat(indent + (isCommand ? 4 : 0)), columns, isCommand);
  }
  const row = ROW.exec(line);
  if (section === 'USAGE' || row === null)
    return hang(line.trim(), ' '.repeat(indent), ' '.repeat(indent + 4), columns);
  const [, name, gap, rest] = row;
  // A switch is off unless it is given: that goes without saying.
  const words = rest.replace(/ {2,}/g, ' ').replace(/ \[default = false\]$/, '');
  const first = name + gap;
  return hang(words, first, ' '.repeat(first.length), columns);
}

/** Words in lines, the first behind `first`, all others behind `next`; `continued` ends each but the last in \. */
function hang(words: string, first: string, next: string, columns: number, continued: boolean = false): string[] {
  const end = continued ? CONTINUED : '';
  const lines = wrapWords(words, Math.max(20, columns - next.length - end.length));
  return lines.map((line, i) => `${i === 0 ? first : next}${line}${i < lines.length - 1 ? end : ''}`);
}

/** Words to choose from, a|b|c, in pieces where they are longer than a line. */
function choices(word: string, width: number): string[] {
  if (word.length <= width) return [word];
  const pieces = [''];
  for (const choice of word.split(/(?<=\|)/)) {
    if ((pieces.at(-1) + choice).length > width) pieces.push('');
    pieces[pieces.length - 1] += choice;
  }
  return pieces.filter((piece) => piece !== '');
}

function wrapWords(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of (text.match(WORD) ?? []).flatMap((whole) => choices(whole, width))) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
