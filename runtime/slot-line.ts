// The line by which a slot tells how an attempt ended, as a plain shell can write it with one printf:
//
//   1 BOOT8 FENCE EXIT START END OUTPUT SUM end
//
// START and END are seconds since boot as /proc/uptime has them, OUTPUT is 1 when OARLOCK_OUTPUT has content. What it means is said by
// the reader (store/file/outcome-file.ts).
//
// I1  a line that was cut anywhere, or in which a digit changed, is no line.

/** What a slot says about an attempt that ran to its end. */
export interface SlotLine {
  readonly boot: string;
  readonly fence: string;
  readonly exitCode: number;
  /** Seconds since boot with two decimals, as /proc/uptime has them. */
  readonly start: string;
  readonly end: string;
  /** OARLOCK_OUTPUT has content. */
  readonly hasOutput: boolean;
}

const SLOT_LINE = /^1 ([0-9a-f]{8}) (\d+-\d+) (\d{1,3}) (\d{1,9}\.\d\d) (\d{1,9}\.\d\d) ([01]) (\d{1,9}) end\n/;

export function formatSlotLine(line: SlotLine): string {
  const output = line.hasOutput ? 1 : 0;
  return `1 ${line.boot} ${line.fence} ${line.exitCode} ${line.start} ${line.end} ${output} ${slotSum(line)} end\n`;
}

/** Null when it is not whole. */
export function parseSlotLine(text: string): SlotLine | null {
  const match = SLOT_LINE.exec(text);
  if (match === null) return null;
  const [, boot = '', fence = '', exitCode = '', start = '', end = '', output = '', sum = ''] = match;
  const line: SlotLine = { boot, fence, exitCode: Number(exitCode), start, end, hasOutput: output === '1' };
  return slotSum(line) === Number(sum) ? line : null;
}

/**
 * A sum that the arithmetic of a plain shell can do: the digits of each number stand behind a 1, so that no leading zero makes it octal.
 * The fence is in it, because a slot's line counts under its own fence only.
 */
export function slotSum(line: SlotLine): number {
  const digits = (text: string): number => Number(`1${text.replace('.', '')}`);
  const output = line.hasOutput ? 17 : 0;
  return (line.exitCode * 31 + output + digits(line.start) * 7 + digits(line.end) * 3 + fenceSum(line.fence)) % 999_983;
}

/** What the fence alone adds to it. */
export function fenceSum(fence: string): number {
  return fence.split('-').reduce((sum, part) => sum + Number(`1${part}`), 0);
}
