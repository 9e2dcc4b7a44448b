// The greatest sum of whole numbers, none below 0, under bounds on other sums of them: an integer program, solved exactly.
//
// The simplex method (Dantzig) on a dictionary, with the least index first so that it ends (Bland); all fractions have one denominator, so
// numbers stay whole and divisions exact (Edmonds, Bareiss). Branch and bound (Land and Doig) makes the solution whole; a branch is one more
// bound, and the dual simplex method goes on from where it stands.
//
// I1  the answer is never too small. Within the limits it is exact; beyond them it is what fractions allow, or no bound at all.
// I2  every product is checked to be exact; what would not be counts as beyond the limits.

/** Terms by the number of their unknown: together at most `limit`. */
export interface Row {
  readonly terms: ReadonlyMap<number, number>;
  readonly limit: number;
}

/** Cases of which each solution that counts is in one, and this one in none; null when it counts itself. */
export type Cases = (solution: readonly number[]) => readonly Row[] | null;

const BRANCHES_LIMIT = 100;
const CELLS_LIMIT = 300_000;

/** The greatest sum; infinity is no bound. The limits of `rows` are at least 0. */
export function greatest(
  size: number,
  goal: ReadonlyMap<number, number>,
  rows: readonly Row[],
  casesOf: Cases,
): number {
  const work: Work = { cells: 0, branches: 0 };
  let most = Number.POSITIVE_INFINITY;
  let best = 0;
  const branch = (dictionary: Dictionary): void => {
    const bound = Math.floor(dictionary.value);
    if (bound <= best) return;
    work.branches += 1;
    if (work.branches > BRANCHES_LIMIT) throw new BeyondLimits();
    const solution = dictionary.solution;
    const cases = halves(solution) ?? casesOf(solution);
    if (cases === null) best = bound;
    for (const row of cases ?? []) {
      const next = dictionary.with(row);
      if (next.repair()) branch(next);
    }
  };
  try {
    const first = new Dictionary(size, goal, work);
    for (const row of rows) first.add(row);
    if (!first.maximize()) return most;
    most = Math.floor(first.value);
    branch(first);
    return best;
  } catch (error) {
    if (error instanceof BeyondLimits) return most;
    throw error;
  }
}

/** An unknown that is no whole number is at most the one below it, or at least the one above. */
function halves(solution: readonly number[]): readonly Row[] | null {
  const unknown = solution.findIndex((value) => !Number.isInteger(value));
  if (unknown === -1) return null;
  const below = Math.floor(solution[unknown] as number);
  return [
    { terms: new Map([[unknown, -1]]), limit: -below - 1 },
    { terms: new Map([[unknown, 1]]), limit: below },
  ];
}

class BeyondLimits extends Error {}

interface Work {
  cells: number;
  branches: number;
}

function product(left: number, right: number): number {
  return exact(left * right);
}

function exact(value: number): number {
  if (!Number.isSafeInteger(value)) throw new BeyondLimits();
  return value;
}

/**
 * Each line says of one unknown (in the base) what the others (out of it, now 0) leave of it: (last − Σ cell · other) / denominator. The first
 * line is the goal's. An unknown from `size` on is what a row has left.
 */
class Dictionary {
  readonly #size: number;
  readonly #work: Work;
  #lines: number[][];
  #base = [-1];
  #others: number[];
  #denominator = 1;

  constructor(size: number, goal: ReadonlyMap<number, number>, work: Work) {
    this.#size = size;
    this.#work = work;
    this.#others = Array.from({ length: size }, (_, index) => index);
    this.#lines = [[...this.#others.map((unknown) => -(goal.get(unknown) ?? 0)), 0]];
  }

  get value(): number {
    return this.#last(0) / this.#denominator;
  }

  get solution(): number[] {
    const values = Array.from({ length: this.#size }, () => 0);
    for (const [index, unknown] of this.#base.entries())
      if (unknown >= 0 && unknown < this.#size) values[unknown] = this.#last(index) / this.#denominator;
    return values;
  }

  with(row: Row): Dictionary {
    const copy = new Dictionary(this.#size, new Map(), this.#work);
    copy.#lines = this.#lines.map((line) => [...line]);
    copy.#base = [...this.#base];
    copy.#others = [...this.#others];
    copy.#denominator = this.#denominator;
    return copy.add(row);
  }

  add({ terms, limit }: Row): this {
    const line = Array.from({ length: this.#others.length + 1 }, () => 0);
    line[this.#others.length] = product(limit, this.#denominator);
    for (const [unknown, times] of terms) {
      const at = this.#others.indexOf(unknown);
      if (at >= 0) line[at] = exact((line[at] as number) + product(times, this.#denominator));
      else
        for (const [index, cell] of (this.#lines[this.#base.indexOf(unknown)] as number[]).entries())
          line[index] = exact((line[index] as number) - product(times, cell));
    }
    this.#base.push(this.#size + this.#lines.length - 1);
    this.#lines.push(line);
    return this;
  }

  /** From a solution that keeps all bounds to the best one; false: there is no best. */
  maximize(): boolean {
    for (;;) {
      const column = this.#least(this.#others, (at) => this.#cell(0, at) < 0);
      if (column === null) return true;
      const line = this.#tightest(
        this.#lines.map((_, index) => ({ at: index, unknown: this.#base[index] as number })).slice(1),
        (index) => [this.#last(index), this.#cell(index, column)],
      );
      if (line === null) return false;
      this.#pivot(line, column);
    }
  }

  /** From the best solution without the last row to the best one; false: nothing keeps all bounds. */
  repair(): boolean {
    for (;;) {
      const line = this.#least(this.#base, (at) => at > 0 && this.#last(at) < 0);
      if (line === null) return true;
      const column = this.#tightest(
        this.#others.map((unknown, at) => ({ at, unknown })),
        (at) => [this.#cell(0, at), -this.#cell(line, at)],
      );
      if (column === null) return false;
      this.#pivot(line, column);
    }
  }

  #cell(line: number, column: number): number {
    return (this.#lines[line] as number[])[column] as number;
  }

  #last(line: number): number {
    return this.#cell(line, this.#others.length);
  }

  /** Where the unknown of the least number stands, of those that fit. */
  #least(unknowns: readonly number[], isFit: (at: number) => boolean): number | null {
    let found: number | null = null;
    for (const [at, unknown] of unknowns.entries())
      if (isFit(at) && (found === null || unknown < (unknowns[found] as number))) found = at;
    return found;
  }

  /** The least fraction with a denominator above 0. */
  #tightest(all: readonly { at: number; unknown: number }[], of: (at: number) => [number, number]): number | null {
    let found: { at: number; unknown: number; up: number; down: number } | null = null;
    for (const { at, unknown } of all) {
      const [up, down] = of(at);
      if (down <= 0) continue;
      const less = found === null ? -1 : exact(product(up, found.down) - product(found.up, down));
      if (found === null || less < 0 || (less === 0 && unknown < found.unknown)) found = { at, unknown, up, down };
    }
    return found === null ? null : found.at;
  }

  /** The unknown of the line and that of the column change places. */
  #pivot(at: number, column: number): void {
    const pivot = this.#cell(at, column);
    const [old, sign] = [this.#denominator, Math.sign(pivot)];
    this.#work.cells += this.#lines.length * this.#others.length;
    if (this.#work.cells > CELLS_LIMIT) throw new BeyondLimits();
    const own = this.#lines[at] as number[];
    for (const [index, line] of this.#lines.entries()) {
      const times = line[column] as number;
      if (index === at || (times === 0 && pivot === old)) continue;
      for (const [place, cell] of line.entries())
        line[place] = (sign * exact(product(cell, pivot) - product(times, own[place] as number))) / old;
      line[column] = -sign * times;
    }
    for (const [place, cell] of own.entries()) own[place] = sign * cell;
    own[column] = sign * old;
    this.#denominator = sign * pivot;
    [this.#base[at], this.#others[column]] = [this.#others[column] as number, this.#base[at] as number];
  }
}
