// A small, fixed hash for jitter: the same run, node and attempt wait the same time on every replay.

/** FNV-1a over UTF-16 code units, as a fraction in [0, 1). */
export function hashFraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash ^= text.charCodeAt(at);
    hash = Math.imul(hash, 0x01000193);
  }
  // The low bits of FNV are better than the high ones; one more round spreads them.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash >>> 0) / 0x1_0000_0000;
}
