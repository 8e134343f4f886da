// A cell of the matrix: what it counts while something is searched for, and whether it is open.

class Cell {
  constructor(cell, opens) {
    this.cell = cell;
    this.link = cell.querySelector("a");
    this.place = {loss: cell.closest("tbody").dataset.loss, by: cell.dataset.by, dtype: cell.dataset.dtype ?? ""};
    this.own = [...cell.childNodes];
    this.state = cell.className;
    this.link?.addEventListener("click", (event) => {
      event.preventDefault();
      const open = this.link.getAttribute("aria-expanded") === "true";
      if (open) cell.closest("table").querySelector(".drawer button").click(); else opens(this.place);
    });
    this.expanded(false);
  }

  is({loss, by, dtype}) { return this.place.loss === loss && this.place.by === by && this.place.dtype === dtype && this.link; }

  has(points, point) {
    const {loss, by, dtype} = this.place;
    return points.loss(point) === loss && points.name("by", point) === by && (!dtype || points.name("dtype", point) === dtype);
  }

  key(points) {
    const {loss, by, dtype} = this.place, at = (name) => points.names.indexOf(name);
    return this.kept ??= points.cellOf(at(loss), at(by), dtype ? at(dtype) : -1);
  }

  expanded(open) { this.link?.setAttribute("aria-expanded", open); }

  // Show how many points are found here; null for none, undefined where nothing is searched for.
  show(count) {
    if (!this.place.dtype) this.cell.parentElement.hidden = count === null;
    if (count === undefined) {
      if (this.counted) { this.cell.replaceChildren(...this.own); if (this.link) this.link.textContent = this.text; }
      this.cell.className = this.state;
      this.counted = false;
      return;
    }
    if (!this.counted) this.text = this.link?.textContent;
    const shown = count ? counted.format(count.found) : "–";
    this.counted = true;
    const state = !count ? "none" : count.failing ? "leaves" : count.expected ? "expected" : count.compared ? "agrees" : "none";
    this.cell.className = `number ${state}`;
    if (!count || !this.link) { this.cell.textContent = shown; return; }
    this.link.textContent = shown;
    this.cell.replaceChildren(this.link);
  }
}

// How some points were judged, in a sentence.
function told(points, some) {
  const words = [], errors = new Map();
  for (const point of some) {
    const how = points.agreeing[point] ? points.name("judged", point) : points.name("verdict", point);
    const known = errors.get(how) ?? {count: 0, worst: -1};
    errors.set(how, {count: known.count + 1, worst: Math.max(known.worst, points.errors[point])});
  }
  for (const [how, {count, worst}] of [...errors].sort((one, other) => other[1].count - one[1].count)) {
    const most = worst > 0 && Number.isFinite(worst) && !how.startsWith("not ") ? ` (at most ${ulps(worst)})` : "";
    words.push(`${counted.format(count)} ${how}${most}`);
  }
  const exact = [...some].map((point) => points.exact(point)).filter(([one, other]) => Number.isFinite(one) && Number.isFinite(other));
  const most = (place) => ulps(exact.map((both) => both[place]).sort((one, other) => one - other)[exact.length >> 1]);
  const beside = exact.length ? ` Against the exact answer, in a sample of ${exact.length}: half within ${most(0)}, torch within ${most(1)}.` : "";
  return `${plural(some.length, "point")}: ${words.join(", ")}.${beside}`;
}
