/** `text` in one line, with everything that may mean something to Mermaid as one of its entities. */
export function mermaidText(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[^\p{L}\p{N} ._,:*/()[\]|'’·→←↔≥≤-]/gu, (character) => `#${character.codePointAt(0)};`)
    .replace(/--/g, '-#45;');
}
