// Times for people: how long something took, how old it is, and at what o'clock it happened.

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long: `340ms`, `1.2s`, `42s`, `3m4s`, `2h5m`, `3d4h`. */
export function duration(ms: number): string {
  const clamped = Math.max(0, ms);
  if (clamped < 999.5) return `${Math.round(clamped)}ms`;
  if (clamped < 9_950) return `${(clamped / SECOND).toFixed(1)}s`;
  const seconds = Math.round(clamped / SECOND);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return pair(seconds, 60, 'm', 1, 's');
  if (seconds < 86_400) return pair(seconds, 3_600, 'h', 60, 'm');
  return pair(seconds, 86_400, 'd', 3_600, 'h');
}

/** How old, coarse: `12s`, `5m`, `3h`, `4d`. */
export function age(ms: number): string {
  const clamped = Math.max(0, ms);
  if (clamped < 2 * MINUTE) return `${Math.floor(clamped / SECOND)}s`;
  if (clamped < 2 * HOUR) return `${Math.floor(clamped / MINUTE)}m`;
  if (clamped < 2 * DAY) return `${Math.floor(clamped / HOUR)}h`;
  return `${Math.floor(clamped / DAY)}d`;
}

/** `12:00:01` in the time zone of this process. */
export function clockTime(wallMs: number): string {
  const date = new Date(wallMs);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `2026-11-20 12:00:01.123` in the time zone of this process. */
export function dateTime(wallMs: number): string {
  const date = new Date(wallMs);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${clockTime(wallMs)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

function pair(seconds: number, unit: number, unitName: string, part: number, partName: string): string {
  const whole = Math.floor(seconds / unit);
  const rest = Math.floor((seconds % unit) / part);
  return rest === 0 ? `${whole}${unitName}` : `${whole}${unitName}${rest}${partName}`;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
