/** Formats numbers for people. */

const MS = 1;
const SECOND = 1_000 * MS;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Formats a duration: `840 µs`, `12 ms`, `3.4 s`, `2 min 05 s`, `3 h 12 min`, `2 d 4 h`. */
export function duration(ms: number): string {
  const time = Math.max(0, ms);
  if (time === 0) return '0 ms';
  if (time < 0.9995) return `${Math.round(time * 1_000)} µs`;
  if (time < 9.95) return `${time.toFixed(1)} ms`;
  if (time < 999.5) return `${Math.round(time)} ms`;
  if (time < 59.95 * SECOND) return `${(time / SECOND).toFixed(1)} s`;
  const seconds = Math.round(time / SECOND);
  if (time < HOUR) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
  if (time < DAY) return `${Math.floor(time / HOUR)} h ${pad(Math.floor((time % HOUR) / MINUTE))} min`;
  return `${Math.floor(time / DAY)} d ${Math.floor((time % DAY) / HOUR)} h`;
}

/** Formats a duration in at most six characters: `840 µs`, `12 ms`, `3.4 s`, `2:05`, `3 h`, `2 d`. */
export function shortDuration(ms: number): string {
  if (ms < 59.95 * SECOND) return duration(ms);
  const seconds = Math.round(ms / SECOND);
  if (ms < HOUR) return `${Math.floor(seconds / 60)}:${pad(seconds % 60)}`;
  return ms < DAY ? `${Math.floor(ms / HOUR)} h` : `${Math.floor(ms / DAY)} d`;
}

/** Formats a local time: `12:03:04.123`. */
export function clock(at: number): string {
  const date = new Date(at);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`;
}

/** Formats a count with thin spaces: `1 234 567`. */
export function grouped(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, '\u2009');
}

/** Formats a size: `512 B`, `1.5 KiB`, `3.0 MiB`. */
export function bytes(count: number): string {
  if (count < 1_024) return `${count} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let size = count / 1_024;
  let unit = 0;
  while (size >= 1_023.95 && unit < units.length - 1) {
    size /= 1_024;
    unit++;
  }
  return `${size.toFixed(1)} ${units[unit]}`;
}

function pad(value: number, length = 2): string {
  return String(value).padStart(length, '0');
}

/** Formats a count in few characters: `999`, `1.2k`, `34k`, `5.6M`. */
export function compact(count: number): string {
  if (count < 1_000) return String(count);
  if (count < 9_950) return `${(count / 1_000).toFixed(1)}k`;
  if (count < 999_500) return `${Math.round(count / 1_000)}k`;
  return `${(count / 1_000_000).toFixed(1)}M`;
}
