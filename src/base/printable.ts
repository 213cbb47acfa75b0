/** Characters that move a terminal's cursor, change its colours, or reverse its text. */
const CONTROL = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** `text` with its control characters written as `\u001b` and so on. For all text of a peer that is printed. */
export function printable(text: string): string {
  return text.replace(CONTROL, spelled);
}

/** The same for lines of a peer's text: line ends and tabs stay. Bytes that are not UTF-8 show as U+FFFD. */
export function printableLines(bytes: Uint8Array): string {
  return withLines(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
}

function withLines(text: string): string {
  return text.replace(CONTROL, (character) =>
    character === '\n' || character === '\t' ? character : spelled(character),
  );
}

/** The number of characters of a peer's text that an error's message, a report, and a line of a log may have. */
export const MAX_TEXT = 512;

/** A peer's text as {@link printable} gives it, cut to `most` characters. A cut text ends with an ellipsis. */
export function excerpt(text: string, most = MAX_TEXT): string {
  // Cut first: escaping costs time, and the text may be as long as a frame.
  const shown = printable(text.slice(0, most + 1));
  if (shown.length <= most) return shown;
  // Does not cut an escape sequence or a surrogate pair in two.
  return `${shown.slice(0, most - 1).replace(/\\u[0-9a-f]{0,3}$|\\$|[\ud800-\udbff]$/, '')}…`;
}

/** The number of characters of a stack, and of causes, in a log. */
const MAX_STACK = 4_096;
const MAX_CAUSES = 4;

/** The stack of a thrown value and of its causes, for a log. A peer may have written the messages: see {@link excerpt}. */
export function stackOf(error: unknown): string {
  const stacks: string[] = [];
  for (let each = error; each !== undefined && stacks.length <= MAX_CAUSES; ) {
    if (!(each instanceof Error)) {
      stacks.push(excerpt(textOf(each)));
      break;
    }
    const { name, message, stack = '', cause } = each;
    // V8 begins a stack with the message, which may be long; other engines do not.
    const at = stack.indexOf(message);
    const rest = at < 0 ? stack : stack.slice(at + message.length);
    const first = rest.search(/\n *at /);
    const frames = first < 0 && rest !== '' ? `\n${rest}` : rest.slice(first);
    stacks.push(excerpt(`${name}: ${message}`) + withLines(frames.slice(0, MAX_STACK)));
    each = cause;
  }
  return stacks.join('\ncaused by ');
}

/** The text of a value. A value that can't be converted to text shows as its type. */
function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return typeof value;
  }
}

function spelled(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
