/** What moves a terminal's cursor, changes its colours, or turns its text around. */
const CONTROL = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** `text` with its control characters spelled out, as `\u001b`: for what a peer says, wherever it is printed. */
export function printable(text: string): string {
  return text.replace(CONTROL, spelled);
}

/** The same for lines that are a peer's own: they may have line ends and tabs. Bytes that are no UTF-8 show as U+FFFD. */
export function printableLines(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true })
    .decode(bytes)
    .replace(CONTROL, (character) => (character === '\n' || character === '\t' ? character : spelled(character)));
}

/** How many characters of a peer's text stand in an error's message, in a report and in a line of a log. */
export const MAX_TEXT = 512;

/** A peer's text as {@link printable} gives it, cut after {@link MAX_TEXT} characters; the last of them is then an ellipsis. */
export function excerpt(text: string): string {
  // Cut first: escaping costs time, and the text may be as long as a frame.
  const shown = printable(text.slice(0, MAX_TEXT + 1));
  if (shown.length <= MAX_TEXT) return shown;
  // An escape sequence and a surrogate pair stay whole.
  return `${shown.slice(0, MAX_TEXT - 1).replace(/\\u[0-9a-f]{0,3}$|\\$|[\ud800-\udbff]$/, '')}…`;
}

function spelled(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
