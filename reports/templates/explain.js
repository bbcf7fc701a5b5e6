"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const given = (id) => { const at = document.getElementById(id); return at && JSON.parse(at.textContent); };
  const all = (what, within = document) => [...within.querySelectorAll(what)];

  // Everything that came from outside is put in as a text node: nothing here ever reads markup.
  const made = (name, { text, ...set } = {}, ...inside) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(set)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    node.append(...inside);
    return node;
  };
  const drawn = (name, set = {}, ...inside) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(set)) node.setAttribute(key, value);
    node.append(...inside);
    return node;
  };

  // Cards: laid out when first opened.
  const { heads, cards } = given("cards-json");
  const amount = (share) => drawn("svg", { class: "amount", "aria-hidden": "true" },
    drawn("rect", { x: `${Math.min(50, 50 + share)}%`, width: `${Math.abs(share)}%`, height: "100%" }),
    drawn("line", { x1: "50%", x2: "50%", y1: "0", y2: "100%" }));
  const table = (head, rows) => {
    const isNumber = heads[head].map((name) => name.startsWith("#"));
    const top = made("tr", {}, ...heads[head].map((name, place) =>
      made("th", { text: name.replace(/^#/, ""), ...(isNumber[place] ? { class: "n" } : {}) })));
    const body = rows.map((cells) => made("tr", {}, ...cells.map((cell, place) => {
      if (place === 0) return made("th", Array.isArray(cell) ? { text: cell[0], class: cell[1] } : { text: cell });
      if (typeof cell === "number") return made("td", {}, amount(cell));
      return made("td", { text: cell, ...(isNumber[place] ? {} : { class: head === "calls" ? "t" : "w" }) });
    })));
    return made("div", { class: "scroll" }, made("table", {}, made("thead", {}, top), made("tbody", {}, ...body)));
  };
  const block = ([kind, ...what]) => {
    switch (kind) {
      case "h": return made("h3", { text: what[0] });
      case "p": return made("p", { class: "small", text: what[0] });
      case "q": return made("p", { class: "words", text: what[0] });
      case "d": return made("dl", { class: "facts" }, ...what[0].map(([name, value]) =>
        made("div", {}, made("dt", { text: name }), made("dd", { text: value }))));
      case "t": return table(...what);
      default: return made("details", {}, made("summary", { text: what[0] }), made("pre", { text: what[1] }));
    }
  };
  const fill = (card) => {
    if (card.querySelector(".inside")) return;
    const inside = made("div", { class: "inside" }, ...(cards[card.dataset.no] || []).map(block));
    card.append(inside);
  };
  all("#cards > .card").forEach((card) => card.addEventListener("toggle", () => { if (card.open) fill(card); }));
  const openCard = (id) => {
    const card = document.getElementById(id);
    if (!card || !card.classList.contains("card")) return;
    showAll("cards");
    fill(card);
    card.open = true;
    card.scrollIntoView({ block: "start" });
    card.querySelector("summary").focus({ preventScroll: true });
  };

  // Long lists begin short.
  const showAll = (id) => {
    document.getElementById(id).classList.remove("short");
    all(`[data-more=${id}]`).forEach((button) => button.parentElement.remove());
  };
  all("button.more").forEach((button) => button.addEventListener("click", () => showAll(button.dataset.more)));

  // Order of rows: undefined last, ties as they were.
  const ordered = (rows, value, isUp) => rows
    .map((row, place) => [value(row), place, row])
    .sort(([a, i], [b, j]) => (Number.isNaN(a) || Number.isNaN(b)
      ? Number.isNaN(a) - Number.isNaN(b) : (isUp ? a - b : b - a)) || i - j)
    .map(([, , row]) => row);
  const number = (text) => text === undefined || text === "" ? NaN : Number(text);
  all("table.sortable th button").forEach((button) => button.addEventListener("click", () => {
    const head = button.closest("th"), body = button.closest("table").tBodies[0];
    const isUp = head.getAttribute("aria-sort") === "descending" ||
      (head.getAttribute("aria-sort") === "none" && head.cellIndex === 0);
    all("th[aria-sort]", head.parentElement).forEach((each) => each.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", isUp ? "ascending" : "descending");
    const rows = [...body.rows], cell = (row) => row.cells[head.cellIndex];
    const isText = rows.some((row) => cell(row).dataset.v === undefined && cell(row).textContent !== "");
    if (isText) rows.sort((a, b) => (isUp ? 1 : -1) * cell(a).textContent.localeCompare(cell(b).textContent));
    body.append(...(isText ? rows : ordered(rows, (row) => number(cell(row).dataset.v), isUp)));
  }));
  all(".cardhead button").forEach((button) => button.addEventListener("click", () => {
    const list = button.closest(".cards"), key = button.dataset.key, isUp = !("up" in button.dataset);
    all(".cardhead button", list).forEach((each) => { delete each.dataset.up; delete each.dataset.down; });
    button.dataset[isUp ? "up" : "down"] = "";
    list.append(...ordered(all(":scope > .card", list), (card) => number(card.dataset[key]), isUp));
  }));

  // Switches: one of several figures is shown.
  all("input[type=radio]").forEach((input) => input.addEventListener("change", () => {
    all(`[data-of=${input.name}]`).forEach((each) => {
      const isShown = each.dataset.case === input.value;
      each.hidden = !isShown;
      if (isShown) each.classList.remove("later");
    });
  }));
  all("input[type=radio]:checked").forEach((input) => input.dispatchEvent(new Event("change")));

  // The heat map reads out the block under the pointer, or under a cursor that the arrow keys move.
  const heat = given("heat-json");
  if (heat) all(".heat").forEach((figure) => {
    const grid = figure.querySelector(".grid"), rows = all(".cells svg", figure), says = figure.querySelector(".reading");
    const values = heat.values[Number(figure.dataset.case)], here = made("div", { class: "here", hidden: "" });
    let row = 0, column = 0;
    figure.querySelector(".wide").append(here);
    const read = () => {
      const box = rows[row], wide = box.getBoundingClientRect().width / heat.situations.length;
      Object.assign(here.style, {
        left: `${column * wide}px`, width: `${Math.max(wide, 3)}px`,
        top: `${box.getBoundingClientRect().top - box.parentElement.getBoundingClientRect().top}px`,
        height: `${box.getBoundingClientRect().height}px`,
      });
      here.hidden = false;
      const [no, told] = heat.situations[column], value = values[row][column];
      says.replaceChildren(
        `${heat.labels[row]}: ${value === "" ? "not defined here" : `${value} ‰`} in situation `,
        made("a", { href: `#s${no}`, text: String(no) }), ` (${told})`);
    };
    rows.forEach((box, place) => box.addEventListener("pointermove", (event) => {
      const area = box.getBoundingClientRect();
      row = place;
      column = Math.min(heat.situations.length - 1, Math.max(0,
        Math.floor((event.clientX - area.left) / area.width * heat.situations.length)));
      read();
    }));
    rows.forEach((box) => box.addEventListener("click", () => openCard(`s${heat.situations[column][0]}`)));
    grid.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!moves && event.key !== "Enter") return;
      event.preventDefault();
      if (!moves) { openCard(`s${heat.situations[column][0]}`); return; }
      row = Math.min(rows.length - 1, Math.max(0, row + moves[0]));
      column = Math.min(heat.situations.length - 1, Math.max(0, column + moves[1]));
      read();
      here.scrollIntoView({ block: "nearest", inline: "nearest" });
    });
  });

  // The paths: read, looked at closer, and back.
  const trail = given("trail-json");
  if (trail) {
    const panels = all("#trail .path"), says = document.getElementById("trail-reading");
    const lane = document.querySelector("#trail .lane svg");
    const whole = document.getElementById("whole"), days = document.querySelector("#trail > .days");
    const atFirst = { days: [...days.children], levels: panels.map((panel) => [...panel.querySelector(".levels").children]) };
    let time = 0;
    const times = trail.times.map((step) => (time += step));
    const first = times[0], span = times[times.length - 1] - first || 1;
    const peaks = trail.equity.map((values) => { let peak = values[0]; return values.map((v) => (peak = Math.max(peak, v))); });
    const money = (value) => value.toLocaleString("en-US").replace("-", "−");
    const moment = (seconds, length = 16) => new Date(seconds * 1000).toISOString().slice(0, length).replace("T", " ");
    let from = 0, to = 1000, chosen = 0;
    const lines = panels.map((panel) => {
      const svg = panel.querySelector("svg"), line = drawn("line", { class: "cursor", y1: -900, y2: 1200, visibility: "hidden" });
      svg.append(line);
      return line;
    });
    const read = (place) => {
      chosen = Math.min(times.length - 1, Math.max(0, place));
      const at = times[chosen], x = (at - first) / span * 1000;
      lines.forEach((line) => { line.setAttribute("x1", x); line.setAttribute("x2", x); line.setAttribute("visibility", "visible"); });
      const told = trail.arms.map((name, arm) => {
        const fallen = (1 - trail.equity[arm][chosen] / peaks[arm][chosen]) * 100;
        return `${name} ${money(trail.equity[arm][chosen])} (${fallen < 0.05 ? "at its peak" : `−${fallen.toFixed(1)} %`})`;
      });
      const near = nearest(at, 0.008);
      says.replaceChildren(`${moment(at)} UTC: ${told.join(", ")}`);
      if (near) says.append(" · situation ", made("a", { href: `#s${near[1]}`, text: String(near[1]) }), ` ${near[2]}`);
    };
    const nearest = (at, share) => {
      const reach = share * span * (to - from) / 1000;
      const close = trail.asked.filter(([when]) => Math.abs(when - at) <= reach);
      return close.sort((a, b) => Math.abs(a[0] - at) - Math.abs(b[0] - at))[0];
    };
    const placeOf = (svg, event) => {
      const area = svg.getBoundingClientRect();
      return from + (to - from) * Math.min(1, Math.max(0, (event.clientX - area.left) / area.width));
    };
    const timeOf = (x) => first + x / 1000 * span;
    const rowOf = (x) => { const at = timeOf(x), row = times.findIndex((each) => each >= at); return row < 0 ? times.length - 1 : row; };
    const nice = (value) => { const power = 10 ** Math.floor(Math.log10(value)); return [1, 2, 5, 10].map((s) => s * power).find((s) => s >= value); };
    const look = (begin, end) => {
      from = Math.max(0, Math.min(begin, end)); to = Math.min(1000, Math.max(begin, end));
      if (to - from < 1) to = from + 1;
      const isWhole = from <= 0 && to >= 1000;
      whole.disabled = isWhole;
      const rows = times.map((at, row) => row).filter((row) => timeOf(from) <= times[row] && times[row] <= timeOf(to));
      panels.forEach((panel, number) => {
        const { key, low, high } = panel.dataset, bottom = Number(low), top = Number(high);
        const value = (arm, row) => key === "drawdown" ? trail.equity[arm][row] / peaks[arm][row] - 1
          : key === "log" ? Math.log(Math.max(trail.equity[arm][row], 1)) : trail.equity[arm][row];
        const seen = trail.arms.flatMap((_, arm) => rows.map((row) => value(arm, row)));
        let least = bottom, most = top;
        if (!isWhole && seen.length > 1) {
          least = Math.min(...seen); most = Math.max(...seen);
          const air = 0.08 * (most - least) || 1;
          least = Math.max(bottom, least - air); most = Math.min(top, most + air);
        }
        const y = 300 * (top - most) / (top - bottom), height = 300 * (most - least) / (top - bottom);
        panel.querySelector("svg").setAttribute("viewBox", `${from} ${y} ${to - from} ${height}`);
        const place = (v) => 100 * (most - v) / (most - least), levels = [];
        const ends = key === "log" ? [Math.exp(least), Math.exp(most)] : [least, most], step = nice((ends[1] - ends[0]) / 4);
        for (let n = Math.ceil(ends[0] / step); n * step <= ends[1]; n += 1) {
          levels.push([place(key === "log" ? Math.log(n * step) : n * step),
            key === "drawdown" ? `${(100 * n * step).toFixed(step < 0.01 ? 1 : 0).replace("-", "−")} %` : money(n * step)]);
        }
        panel.querySelector(".levels").replaceChildren(...(isWhole ? atFirst.levels[number]
          : levels.map(([top, text]) => made("span", { text, style: `top: ${top}%` }))));
        panel.querySelector(".rules").replaceChildren(...(isWhole ? atFirst.levels[number].map((each) => each.style.top)
          : levels.map(([top]) => `${top}%`)).map((top) => made("i", { style: `top: ${top}` })));
      });
      lane.setAttribute("viewBox", `${from} 0 ${to - from} 10`);
      days.replaceChildren(...(isWhole ? atFirst.days
        : [0, 1 / 3, 2 / 3, 1].map((share) => made("span", {
          text: moment(timeOf(from + (to - from) * share), 10), style: `left: ${100 * share}%; transform: translateX(-${100 * share}%)`,
        }))));
    };
    panels.forEach((panel) => {
      const svg = panel.querySelector("svg");
      let begun = null, box = null;
      svg.addEventListener("pointerdown", (event) => {
        if (event.pointerType !== "mouse" || event.button !== 0) return;
        begun = placeOf(svg, event);
        svg.setPointerCapture(event.pointerId);
      });
      svg.addEventListener("pointermove", (event) => {
        const x = placeOf(svg, event);
        read(rowOf(x));
        if (begun === null) return;
        if (!box) svg.append(box = drawn("rect", { class: "chosenspan", y: -900, height: 2100 }));
        box.setAttribute("x", Math.min(begun, x));
        box.setAttribute("width", Math.abs(x - begun));
      });
      svg.addEventListener("pointerup", (event) => {
        const x = placeOf(svg, event), start = begun;
        begun = null;
        if (box) box.remove();
        box = null;
        if (start !== null && Math.abs(x - start) > 0.01 * (to - from)) { look(start, x); return; }
        const near = nearest(timeOf(x), 0.006);
        if (near && start !== null) openCard(`s${near[1]}`);
      });
      svg.addEventListener("dblclick", () => look(0, 1000));
      svg.addEventListener("keydown", (event) => {
        const x = (times[chosen] - first) / span * 1000, half = (to - from) / 4;
        if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
          const step = Math.max(1, Math.round(times.length * (to - from) / 1000 / 100)) * (event.shiftKey ? 10 : 1);
          read(chosen + (event.key === "ArrowLeft" ? -step : step));
        } else if (event.key === "+") look(x - half, x + half);
        else if (event.key === "-" || event.key === "Escape") look(0, 1000);
        else if (event.key === "Enter" && nearest(times[chosen], 0.008)) openCard(`s${nearest(times[chosen], 0.008)[1]}`);
        else return;
        event.preventDefault();
      });
    });
    lane.addEventListener("pointermove", (event) => read(rowOf(placeOf(lane, event))));
    lane.addEventListener("click", (event) => {
      const near = nearest(timeOf(placeOf(lane, event)), 0.01);
      if (near) openCard(`s${near[1]}`);
    });
    whole.addEventListener("click", () => look(0, 1000));
    all("input[data-line]").forEach((input) => input.addEventListener("change", () => {
      all(`.path .curve[data-line="${input.dataset.line}"]`).forEach((line) => {
        line.style.visibility = input.checked ? "" : "hidden";
      });
    }));
  }

  const follow = () => { if (/^#s\d+$/.test(location.hash)) openCard(location.hash.slice(1)); };
  addEventListener("hashchange", follow);
  follow();
  document.documentElement.dataset.ready = "yes";
})();
