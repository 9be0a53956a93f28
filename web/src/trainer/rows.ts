/** Row numbers as people write them: "0-9, 12". */

/** Ascending and once each; undefined where the text is no list of rows below `count`. */
export function parseRows(text: string, count: number): number[] | undefined {
  const rows = new Set<number>();
  for (const part of text.split(/[,;\s]+/).filter(Boolean)) {
    const [, first, last = first] = /^(\d+)(?:[-–](\d+))?$/.exec(part) ?? [];
    const [from, to] = [Number(first), Number(last)];
    if (first === undefined || from > to || to >= count) return undefined;
    for (let row = from; row <= to; row++) rows.add(row);
  }
  return rows.size === 0 ? undefined : [...rows].sort((a, b) => a - b);
}

/** "0-9, 12": the shortest way to write ascending rows. */
export function formatRows(rows: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < rows.length; ) {
    let end = i;
    while (end + 1 < rows.length && rows[end + 1] === rows[end] + 1) end++;
    parts.push(end === i ? String(rows[i]) : `${rows[i]}-${rows[end]}`);
    i = end + 1;
  }
  return parts.join(', ');
}
