/** What moves a terminal's cursor, changes its colours, or turns its text around. */
const CONTROL = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** `text` with its control characters spelled out, as `\u001b`: for what a peer says, wherever it is printed. */
export function printable(text: string): string {
  return text.replace(CONTROL, spelled);
}

/** The same for lines that are a peer's own: they may have line ends and tabs. Bytes that are no UTF-8 show as U+FFFD. */
export function printableLines(bytes: Uint8Array): string {
  return withLines(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
}

function withLines(text: string): string {
  return text.replace(CONTROL, (character) =>
    character === '\n' || character === '\t' ? character : spelled(character),
  );
}

/** How many characters of a peer's text stand in an error's message, in a report and in a line of a log. */
export const MAX_TEXT = 512;

/** A peer's text as {@link printable} gives it, cut after `most` characters; the last of them is then an ellipsis. */
export function excerpt(text: string, most = MAX_TEXT): string {
  // Cut first: escaping costs time, and the text may be as long as a frame.
  const shown = printable(text.slice(0, most + 1));
  if (shown.length <= most) return shown;
  // An escape sequence and a surrogate pair stay whole.
  return `${shown.slice(0, most - 1).replace(/\\u[0-9a-f]{0,3}$|\\$|[\ud800-\udbff]$/, '')}…`;
}

/** How many characters of a stack, and how many causes, stand in a log. */
const MAX_STACK = 4_096;
const MAX_CAUSES = 4;

/** Describes what was thrown, for a log: the stack and those of its causes. The messages may be a peer's: see {@link excerpt}. */
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

/** What has no text of its own shows as its type. */
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
