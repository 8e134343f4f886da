// Expressions of facts, as parity/facts/expression.py reads them: words joined by `and`, `or`, `not` and parentheses.
// Here two words beside each other are joined by `and`, text in quotes is looked for in the names of points, and losses,
// implementations, verdicts and how a point was judged are words too.

const SIGNS = ["and", "or", "not", "(", ")"], LONGEST = 6;

class Misspelt extends Error {}

class Words {
  constructor(points) {
    this.points = points;
    this.found = new Map();
    this.place = new Map(points.words.map((word, place) => [word, place]));
    this.numbers = new Map(points.words.filter(isNumeric).map((word) => [numeric(word), word]));
    const also = ["failing", "passing", "compared", "offered", "in torch", ...points.names.filter(isWord)];
    this.known = new Set([...points.words, ...points.known, ...also]);
    this.listed = [...new Set([...also, ...points.words])];
  }

  // 1 for each point at which the expression holds. Throws Misspelt with a sentence.
  holds(text) {
    const parts = this._parts(text);
    const mask = this._either(parts);
    if (parts.length) throw new Misspelt(`found ${parts[0].text}, expected a word`);
    return mask;
  }

  _parts(text) {
    const parts = [];
    let between = [];
    const flush = () => { parts.push(...this._segmented(between)); between = []; };
    for (const [one] of text.matchAll(/"[^"]*"?|[()]|[^\s()"]+/g)) {
      if (SIGNS.includes(one)) { flush(); parts.push({text: one}); } else if (one.startsWith('"')) {
        flush();
        parts.push({text: one, quoted: one.replaceAll('"', "").toLowerCase()});
      } else between.push(one);
    }
    flush();
    return parts;
  }

  // The words that stand between two signs: each as long as it may be.
  _segmented(texts) {
    const found = [];
    while (texts.length) {
      let length = Math.min(texts.length, LONGEST), word = "";
      for (; length > 0; length--) {
        word = this._canonical(texts.slice(0, length).join(" "));
        if (this._knows(word)) break;
      }
      if (!length) throw new Misspelt(`there is no word “${texts[0]}”${this._nearest(texts)}`);
      found.push({text: word, word});
      texts = texts.slice(length);
    }
    return found;
  }

  _knows(word) {
    const [option, value] = word.split("=", 2);
    return this.known.has(word) || /^cause \d+$/.test(word) || (value && isNumeric(word) && this.known.has(option));
  }

  _canonical(word) {
    const spelt = word.replace(/=True$/, "=true").replace(/=False$/, "=false").replace(/=None$/, "=null");
    return isNumeric(spelt) ? this.numbers.get(numeric(spelt)) ?? spelt : spelt;
  }

  _nearest(texts) {
    const tried = texts.slice(0, 3).map((_, end) => texts.slice(0, end + 1).join(" "));
    const scored = this.listed.map((word) => [Math.min(...tried.map((text) => distance(text, word))), word]);
    const [least, word] = scored.reduce((one, other) => (other[0] < one[0] ? other : one));
    return least <= Math.max(2, word.length / 3) ? `; did you mean “${word}”?` : "; put text to look for in quotes";
  }

  _either(parts) {
    let mask = this._both(parts);
    while (parts[0]?.text === "or") {
      parts.shift();
      const other = this._both(parts);
      mask = mask.map((one, point) => one | other[point]);
    }
    return mask;
  }

  _both(parts) {
    let mask = this._negated(parts);
    while (parts.length && parts[0].text !== "or" && parts[0].text !== ")") {
      if (parts[0].text === "and") parts.shift();
      const other = this._negated(parts);
      mask = mask.map((one, point) => one & other[point]);
    }
    return mask;
  }

  _negated(parts) {
    if (parts[0]?.text !== "not") return this._single(parts);
    parts.shift();
    return this._negated(parts).map((one) => 1 - one);
  }

  _single(parts) {
    const part = parts.shift();
    if (!part) throw new Misspelt("the expression ends where a word is expected");
    if (part.text === "(") {
      const mask = this._either(parts);
      if (parts.shift()?.text !== ")") throw new Misspelt("a parenthesis is not closed");
      return mask;
    }
    if (part.quoted !== undefined) return this._named(part.quoted);
    if (!part.word) throw new Misspelt(`found ${part.text}, expected a word`);
    if (!this.found.has(part.word)) this.found.set(part.word, this._mask(part.word));
    return this.found.get(part.word);
  }

  _mask(word) {
    const {points} = this, {column} = points;
    const by = (holds) => Uint8Array.from(points.every, (point) => (holds(point) ? 1 : 0));
    if (word === "failing") return points.failing;
    if (word === "passing") return points.agreeing;
    if (word === "compared") return points.compared;
    if (word === "offered" || word === "in torch") return by((point) => points.name("verdict", point) !== `not ${word}`);
    if (/^cause \d+$/.test(word)) return by((point) => column.cause[point] === Number(word.slice(6)));
    if (this.place.has(word)) {
      const place = this.place.get(word), has = points.ofFacts.map((facts) => facts.includes(place));
      return by((point) => has[column.facts[point]]);
    }
    const name = points.names.indexOf(word);
    const ofScenario = points.scenarios.map(([loss]) => loss === name);
    return by((point) => name >= 0 && (column.by[point] === name || column.verdict[point] === name
      || column.judged[point] === name || ofScenario[column.scenario[point]]));
  }

  _named(text) {
    this.lower ??= Array.from(this.points.every, (point) => this.points.id(point).toLowerCase());
    return Uint8Array.from(this.lower, (id) => (id.includes(text) ? 1 : 0));
  }
}

function isWord(name) { return name !== "" && name !== "uncompared" && !/[()"]/.test(name) && !name.startsWith("not "); }
function isNumeric(word) { return /=[-+.\d]/.test(word) && !Number.isNaN(Number(word.split("=", 2)[1])); }
function numeric(word) { const [option, value] = word.split("=", 2); return `${option}=${Number(value)}`; }

// How many letters must be changed to make one word of another.
function distance(one, other) {
  let row = Array.from({length: other.length + 1}, (_, place) => place);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (one[i - 1] === other[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[other.length];
}
