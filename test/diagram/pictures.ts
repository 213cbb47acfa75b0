/** What there is to read in a picture, line by line. */
export function textsOf(picture: string): string[] {
  return [...picture.matchAll(/<text\b[^>]*>(.*?)<\/text>/gs)].map(([, content = '']) => plain(content));
}

/** The text in some markup. */
function plain(markup: string): string {
  return markup
    .replace(/<[^>]*>/g, '')
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&amp;/g, '&');
}
