"use strict";
(() => {
  const root = document.documentElement;
  const { figures, lists } = JSON.parse(document.getElementById("figures").textContent);
  const shown = new Map(figures.map((figure) => [figure.id, 0]));
  const hidden = new Map(figures.map((figure) => [figure.id, new Map()]));
  const narrow = matchMedia("(max-width: 560px)");
  const hover = matchMedia("(hover: hover)");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const status = document.getElementById("status");
  const MANY = 6;

  // Colours arrive as names of style properties and become what the theme says.
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const isColour = /^var\(--[a-z0-9-]+\)$/;

  function resolve(value, colours) {
    if (typeof value === "string") {
      if (!isColour.test(value)) return value;
      if (!colours.has(value)) {
        probe.style.color = value;
        colours.set(value, getComputedStyle(probe).color);
      }
      return colours.get(value);
    }
    if (Array.isArray(value)) return value.map((item) => resolve(item, colours));
    if (value && typeof value === "object") {
      if ("list" in value) return resolve(lists[value.list], colours);
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, resolve(item, colours)]),
      );
    }
    return value;
  }

  const keyOf = (trace) => trace.legendgroup || trace.name;

  // Whether a trace is drawn: what the reader chose, else what the figure says.
  function isHidden(figure, trace) {
    const chosen = hidden.get(figure.id).get(keyOf(trace));
    return chosen === undefined ? trace.visible === "legendonly" : chosen;
  }

  function specification(figure, number) {
    const colours = new Map();
    const view = figure.views[number];
    const layout = resolve(view.layout, colours);
    const data = resolve(view.data, colours);
    const keys = layout.showlegend ? legendKeys(figure, data) : [];
    for (const trace of data) trace.visible = !isHidden(figure, trace);
    return { data, layout, keys };
  }

  function legendKeys(figure, data) {
    const keys = new Map();
    for (const trace of data) {
      if (trace.name === undefined || trace.showlegend === false || keys.has(keyOf(trace))) continue;
      keys.set(keyOf(trace), { name: trace.name, trace, off: isHidden(figure, trace) });
    }
    return [...keys.entries()];
  }

  function draw(figure) {
    const { data, layout, keys } = specification(figure, shown.get(figure.id));
    layout.autosize = true;
    layout.showlegend = false;
    if (narrow.matches) {
      // A finger scrolls the page here, and long labels would leave no room for the chart.
      layout.dragmode = false;
      layout.font.size = 11;
      if (layout.xaxis.tickangle) {
        layout.xaxis.tickangle = -90;
        delete layout.xaxis.dtick;
      }
      if (layout.xaxis.nticks) layout.xaxis.nticks = Math.min(layout.xaxis.nticks, 4);
      data.forEach((trace) => delete trace.texttemplate);
    }
    const config = {
      responsive: true,
      displaylogo: false,
      displayModeBar: hover.matches ? "hover" : false,
      modeBarButtonsToRemove: [
        "select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d", "toImage",
      ],
    };
    Plotly.react(figure.id, data, layout, config);
    writeLegend(figure, keys);
  }

  let turn = 0;

  // One figure at a time, so that the page answers while it is drawn.
  async function drawAll() {
    turn += 1;
    const mine = turn;
    delete root.dataset.drawn;
    for (const figure of figures) {
      draw(figure);
      await new Promise((done) => setTimeout(done));
      if (turn !== mine) return;
    }
    root.dataset.drawn = "true";
  }

  // The legend is made of buttons, for the keyboard's sake.
  function writeLegend(figure, keys) {
    const place = document.getElementById(`${figure.id}-legend`);
    const focused = place.contains(document.activeElement)
      ? [...place.children].indexOf(document.activeElement) : -1;
    const choose = (entries) => {
      for (const [key, off] of entries) hidden.get(figure.id).set(key, off);
      draw(figure);
    };
    const buttons = keys.map(([key, { name, trace, off }]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-pressed", String(!off));
      button.append(swatch(trace), plain(name));
      button.addEventListener("click", () => choose([[key, !off]]));
      return button;
    });
    if (keys.length > MANY) {
      for (const [word, off] of [["All", false], ["None", true]]) {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "all";
        button.textContent = word;
        button.setAttribute("aria-label", `${word} of the legend`);
        button.addEventListener("click", () => choose(keys.map(([key]) => [key, off])));
        buttons.push(button);
      }
    }
    place.replaceChildren(...buttons);
    if (focused >= 0 && place.children[focused]) place.children[focused].focus();
  }

  function plain(name) {
    const reader = document.createElement("textarea");
    reader.innerHTML = name;
    return reader.value;
  }

  const DASHES = { dash: "5 3", dot: "1.5 2.5", dashdot: "5 2 1.5 2" };
  const SIGNS = { star: "★", diamond: "◆" };

  function swatch(trace) {
    const box = document.createElement("span");
    box.setAttribute("aria-hidden", "true");
    const marker = trace.marker || {};
    const tint = (trace.line && trace.line.color) || marker.color;
    if (trace.type === "bar") {
      box.className = marker.pattern ? "swatch block hatched" : "swatch block";
      box.style.setProperty("--tint", Array.isArray(tint) ? tint[0] : tint);
    } else if (trace.mode === "markers") {
      box.className = "swatch sign";
      box.style.color = tint;
      box.textContent = SIGNS[marker.symbol] || "●";
    } else {
      const line = trace.line || {};
      box.className = "swatch";
      box.innerHTML = '<svg width="22" height="10"><line x1="0" x2="22" y1="5" y2="5"/></svg>';
      const drawn = box.querySelector("line");
      drawn.setAttribute("stroke", tint);
      drawn.setAttribute("stroke-width", Math.min(line.width || 2, 3));
      drawn.setAttribute("stroke-dasharray", DASHES[line.dash] || "none");
    }
    return box;
  }

  for (const select of document.querySelectorAll("select[data-figure]")) {
    const figure = figures.find((item) => item.id === select.dataset.figure);
    shown.set(figure.id, Number(select.value));
    select.addEventListener("change", () => {
      shown.set(figure.id, Number(select.value));
      draw(figure);
    });
  }

  // A saved picture carries its title and legend, and is as wide as a page of print.
  const WIDTH = 1100;
  const HEAD = 64;
  const KEY = 21;

  function image(id, number, format) {
    const figure = figures.find((item) => item.id === id);
    const { data, layout, keys } = specification(figure, number);
    const { label } = figure.views[number];
    const drawn = keys.filter(([, { off }]) => !off).length;
    const height = Math.max(figure.height, KEY * drawn) + HEAD;
    layout.title = {
      text: label ? `<b>${figure.title}</b>: ${label}` : `<b>${figure.title}</b>`,
      font: { size: 17, color: resolve("var(--ink)", new Map()) },
      x: 0, xref: "container", xanchor: "left", pad: { l: 18, t: 16 },
      y: 1, yref: "container", yanchor: "top",
    };
    layout.margin = { l: 18, r: 24, t: HEAD + (layout.margin.t > 10 ? 16 : 0), b: 14 };
    layout.legend = { x: 1.01, y: 1, xanchor: "left", yanchor: "top" };
    return Plotly.toImage({ data, layout }, {
      format, width: WIDTH, height, scale: format === "png" ? 2 : 1,
    });
  }

  function blobOf(url) {
    const [head, body] = [url.slice(0, url.indexOf(",")), url.slice(url.indexOf(",") + 1)];
    const type = head.slice("data:".length).split(";")[0];
    if (!head.endsWith(";base64")) return new Blob([decodeURIComponent(body)], { type });
    return new Blob([Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0))], { type });
  }

  async function save(id, format) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blobOf(await image(id, shown.get(id), format)));
    link.download = `${id}.${format}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    status.textContent = `Saved ${link.download}.`;
  }

  for (const button of document.querySelectorAll("button[data-save]")) {
    button.addEventListener("click", () => save(button.dataset.save, button.dataset.format));
  }

  // What `erazoo report --figures` asks for.
  window.erazooFigures = {
    views: figures.flatMap(({ id, views }) => views.map(({ label }, view) => ({
      id, view, label: views.length > 1 ? plain(label) : "",
    }))),
    image,
  };

  const themes = ["auto", "light", "dark"];
  const toggle = document.getElementById("theme");

  function setTheme(name) {
    if (name === "auto") delete root.dataset.theme;
    else root.dataset.theme = name;
    toggle.textContent = `Theme: ${name}`;
  }

  function remembered(name) {
    // A page opened from a file may have no storage.
    try {
      if (name === undefined) return localStorage.getItem("erazoo-theme");
      localStorage.setItem("erazoo-theme", name);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
    }
    return null;
  }

  toggle.addEventListener("click", () => {
    const now = themes.indexOf(root.dataset.theme || "auto");
    const next = themes[(now + 1) % themes.length];
    setTheme(next);
    remembered(next);
    drawAll();
  });

  function sortTable(table, head) {
    const heads = [...head.parentElement.children];
    const column = heads.indexOf(head);
    const words = column === 0;
    const order = head.getAttribute("aria-sort");
    const rising = order === "none" ? words : order === "descending";
    for (const other of heads) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const key = (row) => {
      const cell = row.children[column];
      const value = cell ? cell.dataset.value : undefined;
      if (value === undefined || value === "") return null;
      return words ? value : Number(value);
    };
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [key(row), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      const ascending = words ? a.localeCompare(b) : a - b;
      return rising ? ascending : -ascending;
    });
    body.append(...rows.map(([, row]) => row));
  }

  for (const table of document.querySelectorAll("table[data-sortable]")) {
    for (const head of table.tHead.rows[0].cells) {
      const button = head.querySelector("button");
      if (button) button.addEventListener("click", () => sortTable(table, head));
    }
  }

  // Shows one set of a table's columns; an empty choice shows all.
  function showColumns(table, set) {
    const heads = [...table.tHead.rows[0].cells];
    const off = heads.map(({ dataset: { sets } }) => (
      set !== "" && sets !== undefined && !sets.split("|").includes(set)
    ));
    const left = off.filter((gone, k) => k > 0 && !gone).length;
    for (const row of table.rows) {
      [...row.cells].forEach((cell, k) => {
        if (cell.className === "reason") cell.colSpan = left;
        else cell.hidden = off[k];
      });
    }
  }

  for (const select of document.querySelectorAll("select[data-columns]")) {
    const table = document.getElementById(select.dataset.columns);
    showColumns(table, select.value);
    select.addEventListener("change", () => showColumns(table, select.value));
  }

  const saved = root.dataset.theme || remembered();
  setTheme(themes.includes(saved) ? saved : "auto");
  drawAll();
  dark.addEventListener("change", drawAll);
  narrow.addEventListener("change", drawAll);
})();
