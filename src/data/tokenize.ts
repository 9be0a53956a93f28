/**
 * Words of a text: lower-case runs of letters, marks and digits, with apostrophes inside a word ("don't"). Line-break
 * tags of web pages and everything else separate.
 */

const LINE_BREAK_TAG = /<br\s*\/?>/gi;
const TYPOGRAPHIC_APOSTROPHE = /\u2019/g;
const WORD_CHARACTER = /[\p{L}\p{M}\p{N}]/u;
const APOSTROPHE = 0x27;

/** Longer runs are not words: encoded attachments, rules, addresses of the web. */
export const LONGEST_TOKEN = 40;

// Per UTF-16 unit: 0 not looked up yet, 1 part of a word, 2 separator. Letters outside the basic plane separate.
const kinds = new Uint8Array(0x10000);

function isWordUnit(unit: number): boolean {
  if (kinds[unit] === 0) kinds[unit] = WORD_CHARACTER.test(String.fromCharCode(unit)) ? 1 : 2;
  return kinds[unit] === 1;
}

/** Calls `visit` with every word of `text`, in order, repetitions included. */
export function forEachToken(text: string, visit: (token: string) => void): void {
  const clean = text.replace(LINE_BREAK_TAG, ' ').replace(TYPOGRAPHIC_APOSTROPHE, "'").toLowerCase();
  const { length } = clean;
  let position = 0;
  while (position < length) {
    if (!isWordUnit(clean.charCodeAt(position))) {
      position++;
      continue;
    }
    const start = position;
    let end = position + 1; // behind the last letter or digit
    for (position = end; position < length; position++) {
      const unit = clean.charCodeAt(position);
      if (isWordUnit(unit)) end = position + 1;
      else if (unit !== APOSTROPHE || position > end) break;
    }
    if (end - start <= LONGEST_TOKEN) visit(clean.slice(start, end));
  }
}

/** All words of `text`. */
export function tokenize(text: string): string[] {
  const tokens: string[] = [];
  forEachToken(text, (token) => tokens.push(token));
  return tokens;
}
