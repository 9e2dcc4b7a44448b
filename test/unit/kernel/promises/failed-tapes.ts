// Tapes (test/support/promise-world.ts) that made a property of promises fail once. They are played first, each time.

export const FAILED_TAPES: readonly (readonly number[])[] = [
  // Two kinds of links in one chain: the picture did not let the one follow the other.
  [
    900011, 4784639, 6102878, 6881078, 0, 7462342, 3260798, 1558230, 0, 0, 3504285, 7483657, 368389, 3554129, 4293448,
    1365464, 1498408,
  ],
  // An edge that a rule forbids was drawn as one that must come.
  [
    7143962, 0, 1848650, 8076466, 0, 1622177, 3319384, 3328734, 0, 0, 0, 1318588, 0, 0, 8029755, 3350863, 0, 3073031, 0,
    0, 0, 514126, 0, 5434425,
  ],
  // A node that something else of the same change ties to a copy.
  [
    3040459, 7914655, 5122531, 1900503, 0, 0, 2337160, 0, 5967208, 0, 2021191, 2313067, 0, 0, 3692426, 0, 0, 0, 2510954,
    5015890, 0, 0, 0, 0, 0, 0, 5697628, 0, 0, 0, 6988892, 1414903, 0, 0, 4519381, 0, 0, 0, 534088, 4444275, 3666526, 0,
    6924590, 0, 0, 0, 0, 0, 0, 0, 4425770, 0, 0, 7063042, 0, 4464498, 4333498, 3026530, 1547242, 700114, 0, 3733239,
  ],
];
