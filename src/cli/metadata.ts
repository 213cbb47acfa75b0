import { type Metadata, type MetadataEntry, Sensitive } from '../index.js';
import { printable } from './printable.js';

/** Metadata in one line, as `{name: "Ada", token: [sensitive]}`, without control characters: they may be a peer's. */
export function formatMetadata(metadata: Metadata): string {
  return `{${metadata.map((entry) => `${printable(entry.key)}: ${formatValue(entry)}`).join(', ')}}`;
}

function formatValue({ value }: MetadataEntry): string {
  if (value instanceof Sensitive) return String(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'string') return printable(JSON.stringify(value));
  return `0x${Buffer.from(value).toString('hex')}`;
}

/** The first string under a key. */
export function stringIn(metadata: Metadata, key: string): string | undefined {
  const value = metadata.find((entry) => entry.key === key)?.value;
  return typeof value === 'string' ? value : undefined;
}

/** An entry that anybody may see and pass on. */
export function entry(key: string, value: string): MetadataEntry {
  return { key, value, flags: 0n };
}
