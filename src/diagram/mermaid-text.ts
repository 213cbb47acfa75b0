/** Returns `text` in one line. Characters with a meaning to Mermaid become its entities. */
export function mermaidText(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[^\p{L}\p{N} ._,:*/()[\]|'’·→←↔≥≤-]/gu, (character) => `#${character.codePointAt(0)};`)
    .replace(/--/g, '-#45;');
}
