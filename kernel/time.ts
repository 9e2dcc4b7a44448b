// Instants as text and back. Pure: nothing here reads a clock.
/* oxlint-disable no-restricted-globals -- Date is used to parse and print given instants only */

/** RFC 3339 with milliseconds. */
export function timeText(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

/** Unix milliseconds of an RFC 3339 text; NaN when it is none. */
export function parseTime(text: string): number {
  return Date.parse(text);
}
