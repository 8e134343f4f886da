// Scenarios with their points, and points with what was observed of them: made when they are opened.

// So many scenarios stand above the matrix, so many in it, and so many points in a scenario, until more are asked for.
const FEW = 12, MANY = 40, POINTS = 60;

function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== ""));
  return made;
}

class List {
  constructor(points, state) {
    this.points = points;
    this.state = state;
  }

  // The scenarios of these points, each of which opens to its points.
  scenarios(some, step) {
    const groups = new Map(), {group} = this.points;
    for (const point of some) {
      const known = groups.get(group[point]);
      if (known) known.push(point); else groups.set(group[point], [point]);
    }
    const found = [...groups.values()];
    if (this.state.sort === "error") {
      const worst = new Map(found.map((of) => [of, this._worst(of)]));
      found.sort((one, other) => worst.get(other) - worst.get(one));
    }
    const losses = new Set(found.map(([first]) => this.points.loss(first))).size > 1;
    const several = new Set(found.map(([first]) => this.points.column.by[first])).size > 1;
    const list = el("ul", {class: "scenarios"});
    this._gradually(list, found, step, (of) => this._scenario(of, losses, several), "scenario");
    return list;
  }

  _scenario(some, losses, several) {
    const {points} = this, [, name, place] = points.scenario(some[0]);
    const soft = (text) => el("span", {class: "soft"}, text);
    const title = [losses ? soft(`${points.loss(some[0])} `) : "", name, several ? soft(` ${points.name("by", some[0])}`) : ""];
    const details = el("details", {class: "scenario"}, el("summary", {},
      el("span", {class: "name"}, ...title), tally(points, some), figure(this._worst(some))));
    whenOpened(details, () => {
      const list = el("ul", {class: "points"});
      const sorted = this.state.sort === "error" ? [...some].sort((a, b) => points.errors[b] - points.errors[a]) : some;
      this._gradually(list, sorted, POINTS, (point) => this._point(point), "point");
      details.append(el("p", {class: "place"}, place), list);
    });
    details.points = some;
    return el("li", {}, details);
  }

  _point(point) {
    const {points} = this;
    const details = el("details", {class: "point"}, el("summary", {},
      el("span", {class: "name"}, points.choice(point)), badge(points, point), figure(points.errors[point])));
    whenOpened(details, () => details.append(...this.inside(point)));
    details.point = point;
    return el("li", {}, details);
  }

  // What was observed of a point.
  inside(point) {
    const {points} = this, found = [];
    const put = (tag, attributes, ...children) => found.push(el(tag, attributes, ...children));
    const reason = points.text("reason", point), cause = points.column.cause[point];
    if (reason) put("p", {}, `${points.name("verdict", point)}: ${reason}`);
    if (cause) put("p", {}, el("a", {href: `#cause-${cause}`}, `Cause ${cause}`));
    for (const line of points.lines("differs", point)) put("p", {class: "differs"}, line);
    if (points.failing[point] && !points.lines("differs", point).length && !reason) {
      put("p", {}, "Its sentences are left out of this page, which would be too large: `parity show` has them.");
    }
    const answers = points.answers(point), how = points.name("judged", point);
    if (answers.length) found.push(answersTable(answers));
    const exact = points.exact(point);
    if (exact.length) {
      put("p", {class: "soft"}, `Against the exact answer, in the first draw: ${ulps(exact[0])}, torch's own ${ulps(exact[1])}.`);
    }
    if (how === "measured") {
      put("p", {class: "soft"}, "Beyond the bound of its dtype, and held against what was measured at that very draw. ",
        el("a", {href: "#allowance"}, "What that is"));
    }
    for (const note of points.lines("notes", point)) put("p", {class: "soft"}, note);
    put("p", {class: "facts"}, ...points.facts(point).map((fact) => this.state.chip(fact)));
    const repeat = points.text("repeat", point);
    if (repeat) put("p", {class: "soft"}, "Repeat: ", el("code", {}, repeat));
    const link = this.state.linkTo({point: points.id(point), by: points.name("by", point)});
    put("p", {class: "soft"}, `${plural(points.column.draws[point], "draw")} · `, el("a", {href: link}, "link to this point"));
    return found;
  }

  // The first entries of a list, and a button for more.
  _gradually(list, entries, step, make, what) {
    const more = (start) => {
      list.append(...entries.slice(start, start + step).map(make));
      const left = entries.length - start - step;
      if (left <= 0) return;
      const button = el("button", {type: "button"}, `${plural(left, what)} more`);
      const item = el("li", {class: "more"}, button);
      button.addEventListener("click", () => { item.remove(); more(start + step); list.children[start + step]?.querySelector("summary")?.focus(); });
      list.append(item);
    };
    more(0);
    list.more = () => list.querySelector(":scope > .more > button")?.click();
  }

  _worst(some) { return some.reduce((worst, point) => Math.max(worst, this.points.errors[point]), -1); }
}

function whenOpened(details, fill) {
  let filled = false;
  details.fill = () => { if (!filled) { filled = true; fill(); } };
  details.addEventListener("toggle", () => { if (details.open) details.fill(); });
}

function answersTable(answers) {
  const head = el("tr", {}, ...["answer", "error beside torch", "of its allowance"].map((text) => el("th", {scope: "col"}, text)));
  const rows = answers.map(([name, error, part]) => el("tr", {},
    el("th", {scope: "row"}, /^(output|second)/.test(name) ? name : `gradient of ${name}`),
    el("td", {class: "number"}, ulps(error)), el("td", {class: "number"}, share(part))));
  return el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows));
}

function figure(error) {
  return el("span", {class: "figure"}, error === Infinity ? "∞" : error < 0 ? "" : error === 0 ? "0" : ulps(error));
}

// How many of some points agree, in a few words.
function tally(points, some) {
  const count = {compared: 0, agreeing: 0, failing: 0, expected: 0};
  for (const point of some) for (const word of Object.keys(count)) count[word] += points[word][point];
  const state = count.failing ? "leaves" : count.expected ? "expected" : count.compared ? "agrees" : "none";
  const words = [count.agreeing === count.compared ? `${count.agreeing}` : `${count.agreeing}/${count.compared}`];
  if (!count.compared) words[0] = "not compared"; else if (!count.agreeing) words.pop();
  if (count.failing) words.push(`${count.failing} failing`);
  if (count.expected) words.push(`${count.expected} xfail`);
  return el("span", {class: `tally ${state}`}, words.join(" · "));
}

function badge(points, point) {
  const state = points.failing[point] ? "leaves" : points.expected[point] ? "expected" : points.agreeing[point] ? "agrees" : "none";
  const how = points.name("judged", point);
  return el("span", {class: `tally ${state}`}, points.agreeing[point] && how ? how : points.name("verdict", point));
}
