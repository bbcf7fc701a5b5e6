"use strict";
(() => {
  const host = document.getElementById("panels");
  const paths = JSON.parse(document.getElementById("paths-json").textContent);
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const pointerIsFine = matchMedia("(pointer: fine)").matches;

  const openCard = (id) => {
    const card = document.getElementById(id);
    if (!card) return;
    card.open = true;
    for (let up = card.parentElement; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
    card.scrollIntoView({ block: "center" });
    card.querySelector("summary").focus({ preventScroll: true });
  };

  const eachModel = (visit) => {
    for (const shown of Bokeh.documents) for (const model of shown._all_models.values()) visit(model);
  };

  const colour = () => {
    const text = style("--muted"), grid = style("--grid"), edge = style("--edge");
    eachModel((model) => {
      if (model.type.endsWith("Axis")) model.setv({ major_label_text_color: text, axis_label_text_color: text });
      else if (model.type === "Grid" && model.grid_line_color !== null) model.grid_line_color = grid;
      else if (model.type === "Scatter") model.line_color = edge;
    });
  };

  const start = async () => {
    const root = paths.docs.paths.roots[0].id;
    await Bokeh.embed.embed_items(paths.docs, [{ docid: "paths", roots: { [root]: "panels" }, root_ids: [root] }]);
    const shown = Bokeh.documents[0];
    const named = (name) => shown.get_model_by_name(name);
    colour();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", colour);

    const fit = () => {
      const ticks = Math.max(3, Math.round(host.clientWidth / 150));
      eachModel((model) => { if (model.type === "DatetimeTicker") model.desired_num_ticks = ticks; });
    };
    fit();
    addEventListener("resize", fit);

    // A drag on a touch screen must go on scrolling the page; with a mouse it zooms.
    if (pointerIsFine) eachModel((model) => { if (model.type === "BoxZoomTool") model.active = true; });

    document.querySelectorAll("input[name=scale]").forEach((input) => input.addEventListener("change", () => {
      const isLog = document.getElementById("scale-log").checked;
      named("equity").visible = !isLog;
      named("equity-log").visible = isLog;
    }));
    const switches = [...document.querySelectorAll("input[data-arm]")], more = document.getElementById("more-marks");
    const show = () => switches.forEach((input) => {
      const hasMarks = "marked" in input.dataset || (more !== null && more.checked);
      eachModel((model) => {
        if (model.name === `arm-${input.dataset.arm}`) model.visible = input.checked;
        if (model.name === `situations-${input.dataset.arm}`) model.visible = input.checked && hasMarks;
      });
    });
    [...switches, ...(more ? [more] : [])].forEach((input) => input.addEventListener("change", show));
    eachModel((model) => {
      if (model.type !== "ColumnDataSource" || !(model.name || "").startsWith("marks-")) return;
      model.selected.properties.indices.change.connect(() => {
        const chosen = model.selected.indices;
        if (chosen.length) openCard(model.data.card[chosen[0]]);
      });
    });
    host.dataset.drawn = "yes";
  };

  document.querySelectorAll(".cardhead button").forEach((button) => button.addEventListener("click", () => {
    const list = button.closest(".cards"), key = button.dataset.key;
    const isUp = !("up" in button.dataset);
    list.querySelectorAll(".cardhead button").forEach((each) => { delete each.dataset.up; delete each.dataset.down; });
    button.dataset[isUp ? "up" : "down"] = "";
    const cards = [...list.querySelectorAll(":scope > .card")];
    const value = (card) => card.dataset[key] === "" ? -Infinity : Number(card.dataset[key]);
    cards.sort((a, b) => (isUp ? 1 : -1) * (value(a) - value(b)) || Number(a.dataset.no) - Number(b.dataset.no));
    list.append(...cards);
  }));
  const follow = () => { if (location.hash.startsWith("#a")) openCard(location.hash.slice(1)); };
  addEventListener("hashchange", follow);

  start().then(follow);
})();
