// The points of this page: columns of numbers that point into tables of texts, as parity/report/page/points.py has them.

const FAILING = ["failed", "xpassed", "error"], AGREEING = ["passed", "nearer than torch"];

async function decoded(element) {
  const bytes = Uint8Array.from(atob(element.textContent), (one) => one.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).json();
}

class Points {
  constructor(data) {
    const {points, names, words, scenarios, choices, texts, known, facts, answers} = data;
    Object.assign(this, {column: points, names, words, scenarios, choices, texts, known});
    Object.assign(this, {ofFacts: facts, ofAnswers: answers});
    this.count = (this.column.by ?? []).length;
    this.every = Uint32Array.from({length: this.count}, (_, point) => point);
    this.failing = this._among("verdict", FAILING);
    this.agreeing = this._among("verdict", AGREEING);
    this.expected = this._among("verdict", ["xfailed"]);
    this.compared = this._among("judged", ["uncompared"]).map((one) => 1 - one);
    this.errors = Float64Array.from(this.every, (point) => this._worst(point));
    this._place();
  }

  // Where each point belongs: its scenario by implementation, its cell of the matrix, and the cell of its whole row.
  _place() {
    const many = this.names.length, {scenario, by, dtype} = this.column;
    this.group = Int32Array.from(this.every, (point) => scenario[point] * many + by[point]);
    this.row = Int32Array.from(this.every, (point) => this.cellOf(this.scenarios[scenario[point]][0], by[point]));
    this.cell = Int32Array.from(this.every, (point) => this.row[point] + 1 + dtype[point]);
  }

  // The number of a cell, of the names' places; without a dtype that of the row.
  cellOf(loss, by, dtype = -1) { return (loss * this.names.length + by) * (this.names.length + 1) + 1 + dtype; }

  // 1 for each point that has one of these names in a column.
  _among(column, names) {
    const wanted = new Set(names.map((name) => this.names.indexOf(name)));
    return Uint8Array.from(this.column[column] ?? [], (name) => (wanted.has(name) ? 1 : 0));
  }

  // The largest error of a point in ulp, to sort by: what fails without a number is beyond all numbers.
  _worst(point) {
    const errors = this.column.errors[point].filter((_, place) => place % 2 === 0).map(number);
    const worst = errors.reduce((one, other) => (other > one ? other : one), -1);
    return this.failing[point] && worst <= 0 ? Infinity : worst;
  }

  name(column, point) { return this.names[this.column[column][point]]; }
  scenario(point) { return this.scenarios[this.column.scenario[point]]; }
  loss(point) { return this.names[this.scenario(point)[0]]; }
  choice(point) { return this.choices[this.column.choice[point]]; }
  id(point) { return this.scenario(point)[3] + this.choice(point); }
  facts(point) { return this.ofFacts[this.column.facts[point]].map((word) => this.words[word]); }
  text(column, point) { return this.texts[this.column[column][point]]; }
  lines(column, point) { return this.column[column][point].map((text) => this.texts[text]); }

  // The largest errors of both sides against the exact answer, of a point that was measured.
  exact(point) { return (this.column.exact[point] ?? []).map(number); }

  // Each answer with its error in ulp and as a share of what was allowed.
  answers(point) {
    const errors = this.column.errors[point].map(number);
    const names = this.ofAnswers[this.column.answers[point]];
    return names.map((name, place) => [this.names[name], errors[2 * place], errors[2 * place + 1]]);
  }

  // The place of a point by its id and implementation; -1 if there is none.
  find(id, by) {
    return this.every.findIndex((point) => this.id(point) === id && (!by || this.name("by", point) === by));
  }
}

const counted = new Intl.NumberFormat("en");

function number(value) { return value === -1 ? Infinity : value === -2 ? NaN : value; }

// An error in units in the last place, as parity.report.text.ulps writes it.
function ulps(value) {
  if (value === undefined || value < 0) return "";
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : "∞ ulp";
  const short = Number(value.toPrecision(value < 100 ? 2 : 3));
  return `${value < 1e5 ? counted.format(short) : value.toExponential(0)} ulp`;
}

// An error as a share of its allowance, rounded up.
function share(value) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : "∞";
  return value === 0 ? "0" : value > 999 ? value.toExponential(0) : (Math.ceil(value * 100) / 100).toFixed(2);
}

function plural(count, one, many = `${one}s`) { return `${counted.format(count)} ${count === 1 ? one : many}`; }
