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

function spelled(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
