// Order of what a search of the site finds: chapters, then other pages, then the reference.
var Scorer = {
  score: ([page, title, anchor, text, score]) =>
    /^(api_|genindex|py-modindex)/.test(page) ? score - 1000
      : /^\d\d_/.test(page) ? score + 1000
      : score,
  // the rest as Sphinx has it
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: {0: 15, 1: 5, 2: -5},
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
