// A level-triggered wake-up: any number of calls while nobody waits are one.
//
// It carries no message. Whoever wakes looks at the world again, so a lost or doubled call costs time and never correctness.

export class Wakeup {
  #isSet = false;
  #resolve: (() => void) | null = null;

  readonly set = (): void => {
    this.#isSet = true;
    this.#resolve?.();
  };

  /** Resolves at the next `set`, at once when one came since the last wait. */
  async wait(): Promise<void> {
    if (!this.#isSet) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
      });
      this.#resolve = null;
    }
    this.#isSet = false;
  }
}
