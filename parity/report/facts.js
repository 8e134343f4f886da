// Shows the mismatches whose points have the facts that are written: words joined by `and`, `or` and `not`.
const holds = (text, facts) => text.split(/\bor\b/).some((some) => some.split(/\band\b/).every((one) => {
  const word = one.trim().replace(/\s+/g, " ");
  return facts.includes(word) || (word.startsWith("not ") && !facts.includes(word.slice(4)));
}));
const filter = document.getElementById("filter");
filter.hidden = false;
filter.querySelector("input").addEventListener("input", (event) => {
  const text = event.target.value.trim(), all = [...document.querySelectorAll("#mismatches pre")];
  for (const one of all) one.hidden = text !== "" && !holds(text, one.dataset.facts.split("|"));
  for (const loss of document.querySelectorAll("#mismatches details")) loss.hidden = !loss.querySelector("pre:not([hidden])");
  filter.querySelector("output").textContent = `${all.filter((one) => !one.hidden).length} of ${all.length} points`;
});
