// Values that are dear to make and not always needed: the parsers and validators take tens of milliseconds to
// load, and most processes of the engine never read a manifest.

/** Computes on the first call and remembers. */
export function lazy<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
