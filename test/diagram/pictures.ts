/** Returns the texts of a picture, line by line. */
export function textsOf(picture: string): string[] {
  return [...picture.matchAll(/<text\b[^>]*>(.*?)<\/text>/gs)].map(([, content = '']) => plain(content));
}

/** Texts in one, without the blanks that breaking lines may have moved. */
export function readable(texts: readonly string[]): string {
  return texts.join(' ').replace(/\s+/g, ' ').trim();
}

/** The values of an attribute, in order. */
export function attributesOf(picture: string, name: string): string[] {
  return [...picture.matchAll(new RegExp(` ${name}="([^"]*)"`, 'g'))].map(([, value = '']) => plain(value));
}

/** Each transition's hint and texts, by its key. */
export function rowsOf(
  picture: string,
): ReadonlyMap<string, { readonly hint: string; readonly texts: readonly string[] }> {
  const rows = picture.matchAll(/<g data-transition="([^"]*)"><title>([^<]*)<\/title>(.*?)<\/g>/gs);
  return new Map(
    [...rows].map(([, key = '', hint = '', content = '']) => [
      plain(key),
      { hint: plain(hint), texts: textsOf(content) },
    ]),
  );
}

/**
 * Returns true if every element is closed in the right order, every attribute is quoted, and every `<` and `&` is markup.
 */
export function isWellFormed(picture: string): boolean {
  const open: string[] = [];
  const element = /<(\/?)([a-zA-Z][\w-]*)((?: [\w:-]+="[^"<]*")*)(\/?)>|<|&(?!(?:amp|lt|gt|quot|#\d+);)/g;
  for (const [, closes, name, , isEmpty] of picture.matchAll(element)) {
    if (name === undefined) return false;
    if (closes === '/') {
      if (open.pop() !== name) return false;
    } else if (isEmpty !== '/') open.push(name);
  }
  return open.length === 0;
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
