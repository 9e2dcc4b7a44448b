// The program of a JavaScript host: a resident process that runs functions, one attempt at a time. (Joins with its tests.)

process.stdin.resume();
