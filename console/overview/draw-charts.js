// The last hour as charts, which grow by what comes in, and as tables of the same values.
import { locale } from "./live.js";
import uPlot from "./uplot.js";

const hourMs = 3_600_000;
const sampleMs = 5_000;
const numbers = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
const minutes = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const seconds = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

const holder = document.querySelector("[data-charts]");
const newest = document.querySelector('[data-live="sample"]');

/** The colours of the page's style, which canvas does not know by their names. */
const colours = {};
function readColours() {
  const probe = document.body.appendChild(document.createElement("span"));
  for (const name of ["text", "faint", "line", "accent", "ground"]) {
    probe.style.color = `var(--${name})`;
    colours[name] = getComputedStyle(probe).color;
  }
  probe.remove();
}

let columns = [];
/** The samples, oldest first. */
let rows = [];
const at = (row) => row[0];

/** Appends what the page does not have yet. */
async function load() {
  const after = rows.length > 0 ? at(rows.at(-1)) : 0;
  const response = await fetch(`/last-hour?after=${after}`);
  if (!response.ok) return;
  const answer = await response.json();
  columns = answer.columns;
  append(answer.samples);
}

function append(samples) {
  const last = rows.length > 0 ? at(rows.at(-1)) : 0;
  rows.push(...samples.filter((row) => at(row) > last));
  const oldest = Date.now() - hourMs;
  rows = rows.filter((row) => at(row) > oldest);
  for (const chart of all) chart.draw();
}

/** The newest sample, and the time of the one before it, as they come over the page's stream of events. */
function follow() {
  if (newest.textContent === "") return;
  const [before, row] = JSON.parse(newest.textContent);
  const last = rows.length > 0 ? at(rows.at(-1)) : 0;
  if (at(row) <= last) return;
  if (before === last) append([row]);
  else load().catch(() => {}); // the next sample tries again
}

/** Values by time; where nothing was sampled for a while there is none, so that a line ends. */
function dataOf({ series, factor = 1 }) {
  const indexes = series.map(({ column }) => columns.indexOf(column));
  const data = [[], ...series.map(() => [])];
  let last;
  const push = (time, values) => {
    for (const [index, value] of [time / 1_000, ...values].entries()) data[index].push(value);
  };
  for (const row of rows) {
    if (last !== undefined && at(row) - last > 2.5 * sampleMs)
      push(
        last + 1,
        series.map(() => null),
      );
    push(
      at(row),
      indexes.map((index) => (row[index] === null ? null : row[index] * factor)),
    );
    last = at(row);
  }
  return data;
}

/** Of a logarithmic scale, the powers of ten. */
const powersOfTen = (_, splits) => splits.map((value) => (Number.isInteger(Math.log10(value)) ? value : null));

const wholeSteps = [1, 2, 5].flatMap((step) => [0, 1, 2, 3, 4, 5, 6, 7, 8].map((power) => step * 10 ** power));
wholeSteps.sort((a, b) => a - b);

function rangeOf({ isLogarithmic }) {
  if (!isLogarithmic) return (_, __, max) => [0, !max ? 1 : max * 1.1];
  return (_, min, max) => {
    if (min === null || max === null) return [1, 1_000];
    const low = 10 ** Math.floor(Math.log10(min));
    return [low, Math.max(low * 100, 10 ** Math.ceil(Math.log10(max)))];
  };
}

/** The first series is a line or dots in the accent, the second is dashed or has rings, so that no colour is needed. */
function seriesOf(chart, { label }, index) {
  const stroke = () => (index === 0 ? colours.accent : colours.text);
  const value = (_, shown) => (shown === null || shown === undefined ? "–" : `${numbers.format(shown)} ${chart.unit}`);
  if (chart.isLogarithmic)
    return {
      label,
      value,
      stroke,
      paths: () => null,
      points: { show: true, size: index === 0 ? 4 : 8, width: 1.2, stroke, fill: index === 0 ? stroke : "transparent" },
    };
  const paths = uPlot.paths.stepped({ align: -1 });
  return { label, value, stroke, width: 1.5, paths, points: { show: false }, ...(index > 0 && { dash: [4, 3] }) };
}

function optionsOf(chart, width) {
  const axis = { stroke: () => colours.faint, font: "12px system-ui, sans-serif" };
  const grid = { stroke: () => colours.line, width: 1 };
  const isWhole = chart.unit === "records";
  return {
    width,
    height: 170,
    cursor: { sync: { key: "last hour" }, drag: { x: false, y: false }, y: false },
    scales: {
      x: { range: () => [(Date.now() - hourMs) / 1_000, Date.now() / 1_000] },
      y: { range: rangeOf(chart), ...(chart.isLogarithmic && { distr: 3 }) },
    },
    axes: [
      {
        ...axis,
        grid,
        ticks: grid,
        space: 60,
        values: (_, splits) => splits.map((time) => minutes.format(time * 1_000)),
      },
      {
        ...axis,
        grid,
        ticks: grid,
        size: 58,
        space: 28,
        ...(isWhole && { incrs: wholeSteps }),
        ...(chart.isLogarithmic && {
          filter: powersOfTen,
          grid: { ...grid, filter: powersOfTen },
          ticks: { ...grid, filter: powersOfTen },
        }),
        values: (_, splits) => splits.map((value) => (value === null ? "" : numbers.format(value))),
      },
    ],
    series: [
      { label: "time", value: (_, time) => (time ? seconds.format(time * 1_000) : "–") },
      ...chart.series.map((each, index) => seriesOf(chart, each, index)),
    ],
    hooks: {
      setCursor: [
        (plot) => {
          if (plot.cursor.idx === null || plot.cursor.left < 0) showNewest(plot);
        },
      ],
    },
  };
}

/** Without a cursor the values below a chart are the newest. */
function showNewest(plot) {
  const last = plot.data[0].length - 1;
  if (last >= 0) plot.setLegend({ idx: last }, false);
}

function openChart(chart) {
  const figure = holder.querySelector(`[data-chart="${chart.name}"]`);
  const place = figure.querySelector(".plot");
  const details = figure.querySelector("details");
  const plot = new uPlot(optionsOf(chart, place.clientWidth), dataOf(chart), place);
  const fill = () => details.open && fillTable(chart, details);
  details.addEventListener("toggle", fill);
  new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: 170 })).observe(place);
  return {
    redraw: () => plot.redraw(false),
    draw() {
      plot.setData(dataOf(chart));
      if (plot.cursor.left === undefined || plot.cursor.left < 0) showNewest(plot);
      fill();
    },
  };
}

/** Writes the values as a table, the newest first; while it is open new rows are added at its top. */
function fillTable(chart, details) {
  const body = details.querySelector("tbody") ?? emptyTable(chart, details);
  const newestShown = Number(body.rows[0]?.dataset.time ?? 0);
  const indexes = chart.series.map(({ column }) => columns.indexOf(column));
  for (const row of rows) {
    if (at(row) <= newestShown) continue;
    const line = body.insertRow(0);
    line.dataset.time = at(row);
    const time = document.createElement("th");
    time.scope = "row";
    time.textContent = seconds.format(at(row));
    line.append(time);
    for (const index of indexes) {
      const cell = line.insertCell();
      cell.className = "number";
      cell.textContent = row[index] === null ? "–" : numbers.format(row[index] * (chart.factor ?? 1));
    }
  }
  while (body.rows.length > rows.length) body.deleteRow(-1);
}

function emptyTable(chart, details) {
  const place = document.createElement("div");
  place.className = "values";
  place.tabIndex = 0;
  place.setAttribute("role", "region");
  place.setAttribute("aria-label", `${chart.title}, ${chart.unit}: values`);
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const [index, label] of ["time", ...chart.series.map((each) => `${each.label}, ${chart.unit}`)].entries()) {
    const cell = document.createElement("th");
    cell.scope = "col";
    if (index > 0) cell.className = "number";
    cell.textContent = label;
    head.append(cell);
  }
  place.append(table);
  details.append(place);
  return table.createTBody();
}

readColours();
const all = JSON.parse(holder.dataset.charts).map(openChart);
await load();
new MutationObserver(follow).observe(newest, { childList: true, characterData: true, subtree: true });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  readColours();
  for (const chart of all) chart.redraw();
});
