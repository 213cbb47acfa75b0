// Loads one file of the library with a fault in it: a text that stands there once, and another one in its place.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';

/** @type {{ url: string, text: string, instead: string }} */
let fault;

export function initialize(data) {
  fault = data;
}

export function load(url, context, nextLoad) {
  if (url.split('?')[0] !== fault.url) return nextLoad(url, context);
  const source = readFileSync(fileURLToPath(fault.url), 'utf8');
  const faulty = source.replace(fault.text, () => fault.instead);
  if (faulty === source) throw new Error(`${fault.url} does not have the text of the fault`);
  const { code } = transformSync(faulty, { loader: 'ts', format: 'esm', target: 'node20' });
  return { format: 'module', source: code, shortCircuit: true };
}
