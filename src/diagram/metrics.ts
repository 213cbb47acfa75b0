/**
 * How wide a text is, without a browser to ask: by the widths of Helvetica, which Arial, Liberation Sans and what else the
 * style sheet names share.
 */

/** Thousandths of the font's size, from the space to the tilde. */
const WIDTHS: readonly number[] = [
  278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
  556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
  722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
  556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
  260, 334, 584,
];
const FIRST = 0x20;
/** The beginning of the scripts whose letters are as wide as they are high; pictures too. */
const WIDE = 0x1100;
/** Fonts differ by a little, and bold letters by more. */
const SLACK = { plain: 1.02, bold: 1.09 };

/** The width of `text` in pixels, rounded up. */
export function widthOf(text: string, size: number, weight: keyof typeof SLACK = 'plain'): number {
  let width = 0;
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    width += WIDTHS[code - FIRST] ?? (code < WIDE ? 667 : 1000);
  }
  return Math.ceil((width / 1000) * size * SLACK[weight]);
}

/** `text` in lines of at most `most` characters, broken between words, and within a word that is longer than a line. */
export function wrap(text: string, most: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const pieces = [...word];
    for (let at = 0; at < pieces.length; at += most) {
      const piece = pieces.slice(at, at + most).join('');
      if (line !== '' && [...line].length + 1 + [...piece].length > most) {
        lines.push(line);
        line = piece;
      } else line = line === '' ? piece : `${line} ${piece}`;
    }
  }
  return line === '' && lines.length > 0 ? lines : [...lines, line];
}
