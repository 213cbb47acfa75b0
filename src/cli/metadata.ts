import { excerpt } from '../base/printable.js';
import { type Metadata, type MetadataEntry, Sensitive } from '../index.js';

/** Formats metadata as one line, `{name: "Ada", token: [sensitive]}`. A peer may have written it: it is escaped and cut. */
export function formatMetadata(metadata: Metadata): string {
  return excerpt(`{${metadata.map((entry) => `${entry.key}: ${formatValue(entry)}`).join(', ')}}`);
}

function formatValue({ value }: MetadataEntry): string {
  if (value instanceof Sensitive) return String(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'string') return JSON.stringify(value);
  return `0x${Buffer.from(value).toString('hex')}`;
}

/** Returns the first entry of a key, if it is a string. */
export function stringIn(metadata: Metadata, key: string): string | undefined {
  const value = metadata.find((entry) => entry.key === key)?.value;
  return typeof value === 'string' ? value : undefined;
}

/** Makes an entry without flags: it may be shown and passed on. */
export function entry(key: string, value: string): MetadataEntry {
  return { key, value, flags: 0n };
}
