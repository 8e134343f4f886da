// The page's state (what is searched for, the order, the cell and point that are open) and its fragment; the matrix.

class Page {
  constructor(points) {
    this.points = points;
    this.words = new Words(points);
    this.list = new List(points, this);
    this.where = this.sort = "";
    this.open = null;
    this.search = document.querySelector("#search input");
    this.output = document.querySelector("#search output");
    this.results = document.getElementById("results");
    this.cells = [...document.querySelectorAll("#matrix td[data-by]")]
      .map((cell) => new Cell(cell, (place) => this.go({where: this.where, sort: this.sort, ...place})));
    this.holders = [...document.querySelectorAll("#matrix tbody[data-loss]")];
    this.mask = null;
  }

  start() {
    document.documentElement.classList.add("scripted");
    document.getElementById("words").append(...this.words.listed.map((word) => el("option", {value: word})));
    this.search.addEventListener("input", () => { this.where = this.search.value.trim(); this.look(); this.keep(); });
    document.querySelector("#search select").addEventListener("change", (event) => {
      this.sort = event.target.value;
      this.look();
      this.keep();
    });
    addEventListener("hashchange", () => this.restore());
    addEventListener("keydown", (event) => {
      if (event.key === "/" && !/input|select|textarea/i.test(event.target.tagName)) {
        event.preventDefault();
        this.search.focus();
      }
    });
    this.restore();
  }

  linkTo(values) {
    const given = Object.entries(values).filter(([, value]) => value);
    return `#${new URLSearchParams(given)}`;
  }

  // Show a state, as a step in the history.
  go(values) { location.hash = this.linkTo(values); }

  // A fact as a link that adds it to what is searched for.
  chip(fact) {
    const link = el("a", {class: "chip", href: this.linkTo({where: fact})}, fact);
    link.addEventListener("click", (event) => {
      if (!this.where) return;
      event.preventDefault();
      this.go({...this._state(), where: `${this.where} ${fact}`});
    });
    return link;
  }

  _state() { return {where: this.where, sort: this.sort, ...this.open}; }

  // Write the state into the fragment, without a step in the history.
  keep() {
    const link = this.linkTo(this._state());
    history.replaceState(null, "", link === "#" ? location.pathname + location.search : link);
  }

  // Show what the fragment says.
  restore() {
    const text = location.hash.slice(1), values = new URLSearchParams(text.includes("=") ? text : "");
    const get = (name) => values.get(name) ?? "";
    if (text && !text.includes("=")) { this.reveal(document.querySelector(":target")); return; }
    this.where = get("where");
    this.sort = get("sort") === "error" ? "error" : "";
    this.search.value = this.where;
    document.querySelector("#search select").value = this.sort;
    this.open = null;
    this.look();
    if (get("point")) this.showPoint(get("point"), get("by"));
    else if (get("loss")) this.showCell({loss: get("loss"), by: get("by"), dtype: get("dtype")});
    else if (this.where) document.getElementById("search").scrollIntoView({block: "start"});
  }

  reveal(target) {
    if (!target) return;
    for (let outer = target.closest("details"); outer; outer = outer.parentElement.closest("details")) outer.open = true;
    if (target.tagName === "DETAILS") target.open = true;
    target.scrollIntoView({block: "start"});
  }

  // Search: the matrix counts what is found, and the scenarios of it stand above.
  look() {
    this.search.removeAttribute("aria-invalid");
    try {
      this.mask = this.where ? this.words.holds(this.where) : null;
    } catch (error) {
      if (!(error instanceof Misspelt)) throw error;
      this.search.setAttribute("aria-invalid", "true");
      this.output.textContent = error.message;
      return;
    }
    const found = this.mask ? this.points.every.filter((point) => this.mask[point]) : [];
    this.output.textContent = this.mask ? `${counted.format(found.length)} of ${plural(this.points.count, "point")}` : "";
    this.results.replaceChildren(...(found.length ? [this.list.scenarios(found, FEW)] : []));
    this._count(found);
    this._order();
    if (this.open) this.showCell(this.open, false); else for (const cell of this.cells) cell.expanded(false);
  }

  _count(found) {
    const counts = new Map(), {points} = this;
    const add = (key, point) => {
      let count = counts.get(key);
      if (!count) counts.set(key, (count = {found: 0, failing: 0, expected: 0, compared: 0}));
      count.found++;
      count.failing += points.failing[point];
      count.expected += points.expected[point];
      count.compared += points.compared[point];
    };
    for (const point of found) { add(points.row[point], point); add(points.cell[point], point); }
    for (const cell of this.cells) cell.show(this.mask ? counts.get(cell.key(points)) ?? null : undefined);
    for (const holder of this.holders) holder.hidden = holder.querySelector("tr:not([hidden])") === null;
  }

  // The losses of the matrix by the largest error of what is found, or as they were.
  _order() {
    const table = document.querySelector("#matrix table");
    if (!table) return;
    const worst = new Map();
    if (this.sort) {
      for (const point of this.points.every) {
        if (this.mask && !this.mask[point]) continue;
        const loss = this.points.loss(point);
        worst.set(loss, Math.max(worst.get(loss) ?? -1, this.points.errors[point]));
      }
    }
    const rank = (holder) => worst.get(holder.dataset.loss) ?? -2;
    this.drawer?.remove();
    table.append(...(this.sort ? [...this.holders].sort((one, other) => rank(other) - rank(one)) : this.holders));
  }

  // A row below the loss with the scenarios of a cell.
  showCell(open, scroll = true) {
    const {points} = this;
    const cell = this.cells.find((one) => one.is(open)) ?? this.cells.find((one) => one.is({...open, dtype: ""}));
    this.drawer?.remove();
    for (const other of this.cells) other.expanded(other === cell);
    this.open = cell ? cell.place : null;
    if (!cell) return null;
    const some = points.every.filter((point) => (!this.mask || this.mask[point]) && cell.has(points, point));
    const close = el("button", {type: "button"}, "Close");
    close.addEventListener("click", () => {
      this.drawer.remove();
      this.open = null;
      cell.expanded(false);
      cell.link.focus();
      this.keep();
    });
    const title = [cell.place.loss, cell.place.by, cell.place.dtype].filter(Boolean).join(" · ");
    const content = el("div", {class: "drawer"}, el("div", {class: "head"}, el("h3", {tabindex: -1}, title), close),
      el("p", {class: "soft"}, told(points, some)), this.list.scenarios(some, MANY));
    this.drawer = el("tbody", {class: "opened"}, el("tr", {}, el("td", {colspan: cell.cell.closest("table").dataset.columns}, content)));
    cell.cell.closest("tbody").after(this.drawer);
    if (scroll) {
      cell.cell.closest("tr").scrollIntoView({block: "start"});
      content.querySelector("h3").focus({preventScroll: true});
    }
    return content;
  }

  // Open the loss, scenario and point of an id.
  showPoint(id, by) {
    const point = this.points.find(id, by);
    if (point < 0) {
      this.output.textContent = `there is no point “${id}” in this run`;
      return;
    }
    if (this.mask && !this.mask[point]) { this.where = this.search.value = ""; this.look(); }
    const content = this.showCell({loss: this.points.loss(point), by: this.points.name("by", point), dtype: ""}, false);
    this.open = {point: id, by: this.points.name("by", point)};
    const found = (list, holds) => {
      for (;;) {
        const item = [...list.children].find((one) => one.firstChild.tagName === "DETAILS" && holds(one.firstChild));
        if (item || !list.querySelector(":scope > .more")) return item.firstChild;
        list.more();
      }
    };
    const scenario = found(content.querySelector(".scenarios"), (one) => one.points.includes(point));
    scenario.open = true;
    scenario.fill();
    const details = found(scenario.querySelector(".points"), (one) => one.point === point);
    details.open = true;
    details.fill();
    details.classList.add("target");
    details.scrollIntoView({block: "center"});
    details.querySelector("summary").focus({preventScroll: true});
  }
}

const held = document.getElementById("data");
if (held && "DecompressionStream" in window) decoded(held).then((data) => new Page(new Points(data)).start());
