// Search a built site as its search page does: node search.js SITE QUERY, a line of pages a query.
const fs = require("fs"), path = require("path"), vm = require("vm");
const [site, ...queries] = process.argv.slice(2);
const element = {dataset: {content_root: "./"}};
const document = {
  readyState: "loading", documentElement: element, body: element,
  addEventListener() {}, getElementById: () => null, createElement: () => ({...element}),
  querySelector: () => null,
};
const page = vm.createContext({
  console, document, URLSearchParams, queries, SPHINX_HIGHLIGHT_ENABLED: false,
  window: {document, location: {search: ""}}, localStorage: {getItem() {}, setItem() {}},
});
const files = ["_static/documentation_options.js", "_static/doctools.js",
  "_static/language_data.js", "_static/searchtools.js", "searchindex.js"];
const code = files.map((file) => fs.readFileSync(path.join(site, file), "utf8"));
code.push(`for (const query of queries) {
  const parsed = Search._parseQuery(query);
  const found = Search._performSearch(...parsed).reverse();
  console.log(found.map((result) => result[0]).join(" "));
}`);
vm.runInContext(code.join("\n;\n"), page);
