"use strict";
(() => {
  const root = document.documentElement;
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const shown = new Map(figures.map((figure) => [figure.id, 0]));
  const narrow = matchMedia("(max-width: 560px)");
  const hover = matchMedia("(hover: hover)");
  const dark = matchMedia("(prefers-color-scheme: dark)");

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
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, resolve(item, colours)]),
      );
    }
    return value;
  }

  function draw(figure) {
    const colours = new Map();
    const view = figure.views[shown.get(figure.id)];
    const layout = resolve(view.layout, colours);
    layout.autosize = true;
    if (narrow.matches) {
      // A finger scrolls the page here, and long labels would leave no room for the chart.
      layout.dragmode = false;
      layout.font.size = 11;
      if (layout.xaxis.nticks) layout.xaxis.nticks = Math.min(layout.xaxis.nticks, 5);
    }
    const data = resolve(view.data, colours);
    if (narrow.matches) data.forEach((trace) => delete trace.texttemplate);
    const config = {
      responsive: true,
      displaylogo: false,
      displayModeBar: hover.matches ? "hover" : false,
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
      toImageButtonOptions: { format: "png", filename: figure.id, scale: 2 },
    };
    Plotly.react(figure.id, data, layout, config);
  }

  const drawAll = () => figures.forEach(draw);

  for (const select of document.querySelectorAll("select[data-figure]")) {
    const figure = figures.find((item) => item.id === select.dataset.figure);
    shown.set(figure.id, Number(select.value));
    select.addEventListener("change", () => {
      shown.set(figure.id, Number(select.value));
      draw(figure);
    });
  }

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
      head.firstElementChild.addEventListener("click", () => sortTable(table, head));
    }
  }

  const saved = root.dataset.theme || remembered();
  setTheme(themes.includes(saved) ? saved : "auto");
  drawAll();
  dark.addEventListener("change", drawAll);
  narrow.addEventListener("change", drawAll);
})();
