// Exact decimal numbers: money is never a float. A value is `units` times ten to the minus `scale`.

export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

/** Digits with at most one dot. */
export function decimalOf(text: string): Decimal {
  const [whole = '', part = ''] = text.split('.');
  return { units: BigInt(`${whole}${part}`), scale: part.length };
}

function scaled({ units, scale }: Decimal, to: number): bigint {
  return units * 10n ** BigInt(to - scale);
}

export function add(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { units: scaled(a, scale) + scaled(b, scale), scale };
}

export function negate({ units, scale }: Decimal): Decimal {
  return { units: -units, scale };
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return { units: a.units * b.units, scale: a.scale + b.scale };
}

/** Negative, zero or positive as a is less than, equal to or more than b. */
export function compare(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale);
  const difference = scaled(a, scale) - scaled(b, scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** Half away from zero, as invoices do. */
export function round(value: Decimal, scale: number): Decimal {
  if (value.scale <= scale) return value;
  const divisor = 10n ** BigInt(value.scale - scale);
  const half = value.units < 0n ? -divisor / 2n : divisor / 2n;
  return { units: (value.units + half) / divisor, scale };
}

/** No zeros at the end beyond `leastScale` digits, and at least so many. */
export function formatDecimal(value: Decimal, leastScale: number): string {
  let { units, scale } = value;
  while (scale > leastScale && units % 10n === 0n) {
    units /= 10n;
    scale -= 1;
  }
  const width = Math.max(scale, leastScale);
  const digits = (units < 0n ? -units : units) * 10n ** BigInt(width - scale);
  const text = digits.toString().padStart(width + 1, '0');
  const sign = units < 0n ? '-' : '';
  return width === 0 ? `${sign}${text}` : `${sign}${text.slice(0, -width)}.${text.slice(-width)}`;
}
