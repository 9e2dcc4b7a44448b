// Tapes (test/support/promise-world.ts) that made a property of promises fail once. They are played first, each time.

export const FAILED_TAPES: readonly (readonly number[])[] = [];
