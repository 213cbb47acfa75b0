import { STYLE } from './style.js';

/** The characters that XML can't express, not even escaped: control characters, and halves of surrogate pairs. */
const UNWRITABLE = /(?![\t\n\r])\p{Cc}|\p{Cs}|[\ufffe\uffff]/gu;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

export function escapeXml(text: string): string {
  return text.replace(UNWRITABLE, '\ufffd').replace(/[&<>"\t\n\r]/g, (character) => ENTITIES[character] as string);
}

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** Returns an element. `content` is markup already. */
export function element(name: string, attributes: Attributes, ...content: readonly string[]): string {
  const list = Object.entries(attributes).map(([key, value]) =>
    value === undefined ? '' : ` ${key}="${typeof value === 'number' ? value : escapeXml(value)}"`,
  );
  const start = `<${name}${list.join('')}`;
  return content.length === 0 ? `${start}/>` : `${start}>${content.join('')}</${name}>`;
}

/** Returns a whole picture, which can stand alone or within a page. */
export function picture(title: string, width: number, height: number, content: readonly string[]): string {
  const size = { width: Math.ceil(width), height: Math.ceil(height) };
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    class: 'roam-diagram',
    viewBox: `0 0 ${size.width} ${size.height}`,
    ...size,
    role: 'img',
    'aria-label': title,
  };
  const paper = element('rect', { class: 'paper', ...size, rx: 8 });
  return `${element('svg', attributes, `\n<style>\n${STYLE}\n</style>\n`, paper, '\n', ...content.map((part) => `${part}\n`))}\n`;
}
