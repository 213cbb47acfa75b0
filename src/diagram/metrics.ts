/**
 * Computes the width of a text without a browser, from the widths of Helvetica. Arial, Liberation Sans and the other fonts
 * of the style sheet have the same widths.
 */

/** The widths of the characters from the space to the tilde, in thousandths of the font's size. */
const WIDTHS: readonly number[] = [
  278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
  556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
  722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
  556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
  260, 334, 584,
];
const FIRST = 0x20;
/** The first code point of scripts whose letters are as wide as they are high. Pictures come after it too. */
const WIDE = 0x1100;
/** Safety factors: fonts differ a little, and bold letters more. */
const SLACK = { plain: 1.02, bold: 1.09 };

/** Returns the width of `text` in pixels, rounded up. */
export function widthOf(text: string, size: number, weight: keyof typeof SLACK = 'plain'): number {
  let width = 0;
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    width += WIDTHS[code - FIRST] ?? (code < WIDE ? 667 : 1000);
  }
  return Math.ceil((width / 1000) * size * SLACK[weight]);
}

/** Breaks `text` into lines of at most `most` characters, between words, and within a word that is longer than a line. */
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
