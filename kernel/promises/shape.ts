// The language of shapes: `A -> (M | N)* -> B`, read into a tree.
//
// Binding, tightest first: `*` `+` `?` `{m,n}` `...`, then `->`, `&`, `|`. Names are words of letters, digits, `_`, `-`, `.` and `/`, or stand in
// double quotes.
//
// S1  each name stands once, so a node fits one place.
// S2  what is repeated holds together by its own edges, so that copies can be told apart: no `&` or copies right inside of copies.

export type PartKind = 'name' | 'sequence' | 'beside' | 'choice' | 'copies';

export class ShapeSyntaxError extends Error {
  override readonly name = 'ShapeSyntaxError';
  /** Offset into the text, from 0. */
  readonly offset: number;
  constructor(text: string, expected: string, offset: number) {
    const found = offset >= text.length ? 'the end' : JSON.stringify(text.slice(offset, offset + 10));
    super(`shape ${JSON.stringify(text)}: expected ${expected} at ${offset + 1}, found ${found}`);
    this.offset = offset;
  }
}

/** A part of a shape; `parent` and `index` lead upwards. */
export class Part {
  readonly kind: PartKind;
  readonly parts: readonly Part[];
  /** Of a name. */
  readonly name: string;
  /** Where it begins in the text. */
  readonly offset: number;
  /** Of copies: how many, null is no bound; one after the other, or side by side. */
  readonly min: number;
  readonly max: number | null;
  readonly isChain: boolean;
  parent: Part | null = null;
  index = 0;

  constructor(
    kind: PartKind,
    offset: number,
    parts: readonly Part[],
    more: { name?: string; min?: number; max?: number | null; isChain?: boolean } = {},
  ) {
    this.kind = kind;
    this.offset = offset;
    this.parts = parts;
    this.name = more.name ?? '';
    this.min = more.min ?? 1;
    this.max = more.max === undefined ? 1 : more.max;
    this.isChain = more.isChain ?? false;
    for (const [index, part] of parts.entries()) {
      part.parent = this;
      part.index = index;
    }
  }

  /** What is repeated. */
  get body(): Part {
    return this.parts[0] as Part;
  }
}

const DEPTH_LIMIT = 50;
const NAME = /[\p{L}\p{N}_](?:[\p{L}\p{N}_/]|-(?!>)|\.(?!\.\.))*/uy;

/** Throws ShapeSyntaxError. */
export function parseShape(text: string): Part {
  const shape = new Parser(text).parse();
  const seen = new Set<string>();
  for (const { name, offset } of namesIn(shape)) {
    if (seen.has(name)) throw new ShapeSyntaxError(text, `each name once, "${name}" stands already`, offset);
    seen.add(name);
  }
  return shape;
}

export function namesIn(part: Part): Part[] {
  return part.kind === 'name' ? [part] : part.parts.flatMap(namesIn);
}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Part {
    const shape = this.#choice();
    if (this.#at < this.#text.length) this.#fail('the end, "->", "&", "|" or a repetition');
    return shape;
  }

  #choice(): Part {
    return this.#list('choice', '|', () =>
      this.#list('beside', '&', () => this.#list('sequence', '->', () => this.#repeated())),
    );
  }

  #list(kind: PartKind, mark: string, next: () => Part): Part {
    this.#skip();
    const offset = this.#at;
    const parts = [next()];
    while (this.#take(mark)) parts.push(next());
    return parts.length === 1 ? (parts[0] as Part) : new Part(kind, offset, parts);
  }

  #repeated(): Part {
    this.#skip();
    const offset = this.#at;
    const inner = this.#single();
    const bounds = this.#bounds();
    if (bounds === null) return inner;
    if (bounds.max !== 1) this.#checkTogether(inner, bounds.isChain, offset);
    const copies = new Part('copies', offset, [inner], bounds);
    // A chain that need not be.
    if (bounds.isChain && this.#take('?')) return new Part('copies', offset, [copies], { min: 0, max: 1 });
    const again = this.#at;
    if (this.#bounds() !== null) {
      this.#at = again;
      this.#fail('one repetition only');
    }
    return copies;
  }

  #single(): Part {
    if (this.#take('(')) {
      this.#depth += 1;
      if (this.#depth > DEPTH_LIMIT) this.#fail(`at most ${DEPTH_LIMIT} parentheses within each other`);
      const inner = this.#choice();
      if (!this.#take(')')) this.#fail('")"');
      this.#depth -= 1;
      return inner;
    }
    const offset = this.#at;
    NAME.lastIndex = offset;
    const quoted = this.#text[offset] === '"' ? this.#text.indexOf('"', offset + 1) : -1;
    const name = quoted > offset + 1 ? this.#text.slice(offset + 1, quoted) : NAME.exec(this.#text)?.[0];
    if (name === undefined) return this.#fail('a name or "("');
    this.#at = quoted > offset + 1 ? quoted + 1 : offset + name.length;
    return new Part('name', offset, [], { name });
  }

  #bounds(): { min: number; max: number | null; isChain: boolean } | null {
    if (this.#take('...')) return { min: 1, max: null, isChain: true };
    if (this.#take('*')) return { min: 0, max: null, isChain: false };
    if (this.#take('+')) return { min: 1, max: null, isChain: false };
    if (this.#take('?')) return { min: 0, max: 1, isChain: false };
    const offset = this.#at;
    if (!this.#take('{')) return null;
    const close = this.#text.indexOf('}', this.#at);
    const [, low, comma, high] =
      /^\s*(\d{1,9})\s*(,?)\s*(\d{1,9})?\s*$/.exec(close === -1 ? '' : this.#text.slice(this.#at, close)) ?? [];
    const min = Number(low);
    const max = high !== undefined ? Number(high) : comma === ',' ? null : min;
    if (low === undefined || (comma === '' && high !== undefined)) {
      this.#at = offset;
      return this.#fail('{m}, {m,} or {m,n}');
    }
    if (max !== null && (max < min || max === 0)) {
      this.#at = offset;
      return this.#fail('{m,n} with m at most n, and n at least 1');
    }
    this.#at = close + 1;
    return { min, max, isChain: false };
  }

  /** S2. */
  #checkTogether(body: Part, isChain: boolean, offset: number): void {
    if (body.kind === 'choice') return body.parts.forEach((part) => this.#checkTogether(part, isChain, offset));
    if (body.kind === 'name' || (body.kind === 'sequence' && !isChain)) return;
    this.#at = offset;
    const allowed = isChain ? 'names, alone or with "|",' : 'a name, a sequence or "|" of them';
    this.#fail(`${allowed} in what is repeated`);
  }

  #take(mark: string): boolean {
    this.#skip();
    if (!this.#text.startsWith(mark, this.#at)) return false;
    this.#at += mark.length;
    return true;
  }

  #skip(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at += 1;
  }

  #fail(expected: string): never {
    throw new ShapeSyntaxError(this.#text, expected, this.#at);
  }
}
