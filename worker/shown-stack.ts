// The stack of an error as the author of a function knows it.
//
// Owns: what is left out: our own frames below theirs, and the number by which a module is loaded anew. Does not own: where it is shown.

/** `own`: the address of the folder of our own modules. */
export function shownStack(error: Error, own: string): string {
  const lines = (error.stack ?? error.message).split('\n');
  const isFrame = (line: string): boolean => /^\s+at /.test(line);
  const first = lines.findIndex(isFrame);
  const ours = lines.findIndex((line) => isFrame(line) && line.includes(own));
  // An error of our own keeps all of it.
  const theirs = ours > first ? lines.slice(0, ours) : lines;
  // What Node has called in between says nothing either.
  while (theirs.length > first + 1 && /^\s+at .*node:internal/.test(theirs.at(-1) ?? '')) theirs.pop();
  return theirs.join('\n').replaceAll(/\?v=[\d.]+(?=:\d)/g, '');
}
