// Draws the pictures of governance from the tables that stand beside them: a heading with data-series
// is a line, a cell with data-value a point, a link in a cell leads from its point to the rows behind
// it. Nothing is known here that the table does not say. Rows whose places are numbers come in order.
const INK = "#212b32";
const GREY = "#768692";
const BLUE = "#005eb8";
const RED = "#b30f0f";
// Of different brightness too, and each with a shape of its own.
const COLOURS = ["#005eb8", "#ed8b00", "#7c2855", "#007f3b", "#212b32", "#41b6e6"];
const SHAPES = ["circle", "rectRot", "triangle", "rect", "crossRot", "star"];
// As the icons of Making Data Count: blue for better, orange for worse, purple where neither is said.
const MARKS = {
  better: { colour: "#005eb8", shape: "rectRot" },
  worse: { colour: "#ed8b00", shape: "triangle" },
  neither: { colour: "#490092", shape: "rect" },
  inside: { colour: GREY, shape: "circle" },
};
// What a line is by the name of its series; whatever else is a measure of its own.
const LINES = {
  mean: { borderColor: INK, borderWidth: 1 },
  lower: { borderColor: GREY, borderDash: [6, 4], borderWidth: 1.5 },
  upper: { borderColor: GREY, borderDash: [6, 4], borderWidth: 1.5 },
  low: { borderColor: GREY, borderDash: [2, 3], borderWidth: 1.5 },
  high: { borderColor: GREY, borderDash: [2, 3], borderWidth: 1.5 },
  target: { borderColor: RED, borderDash: [10, 3], borderWidth: 1.5 },
};

function read(table) {
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...table.tBodies[0].rows].map((row) => [...row.cells]);
  const series = heads.flatMap((head, at) =>
    head.dataset.series ? [{ name: head.dataset.series, label: head.textContent.trim(), points: rows.map((row) => point(row[at])) }] : [],
  );
  return { places: rows.map(([first]) => ({ label: first.textContent.trim(), x: number(first) })), series };
}

function point(cell) {
  return { y: number(cell), mark: cell.dataset.mark, href: cell.querySelector("a")?.getAttribute("href") };
}

function number(cell) {
  return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
}

function line(one, at, places, kind) {
  const limit = LINES[one.name];
  const numbers = places.every((place) => place.x !== null);
  const data = one.points.map((dot, row) => (numbers ? { x: places[row].x, y: dot.y } : dot.y));
  const marked = one.points.map((dot) => MARKS[dot.mark]);
  const plain = { borderColor: COLOURS[at % COLOURS.length], pointStyle: SHAPES[at % SHAPES.length], pointRadius: 4 };
  const own = marked.some(Boolean)
    ? {
        borderColor: GREY,
        pointBackgroundColor: marked.map((mark) => mark?.colour ?? GREY),
        pointBorderColor: marked.map((mark) => mark?.colour ?? GREY),
        pointStyle: marked.map((mark) => mark?.shape ?? "circle"),
        pointRadius: marked.map((mark) => (mark && mark !== MARKS.inside ? 6 : 4)),
      }
    : plain;
  return {
    label: one.label,
    data,
    order: limit ? 1 : 0,
    borderWidth: 2,
    spanGaps: Boolean(limit),
    stepped: kind === "curve" && !limit ? "before" : false,
    showLine: kind !== "sizes" || Boolean(limit),
    hrefs: one.points.map((dot) => dot.href),
    ...(limit ? { pointStyle: "line", pointRadius: 0, pointHitRadius: 0, ...limit } : own),
  };
}

function bar(one, at) {
  return {
    label: one.label,
    data: one.points.map((dot) => dot.y),
    backgroundColor: COLOURS[at % COLOURS.length],
    hrefs: one.points.map((dot) => dot.href),
  };
}

function axes({ unit, least, most, xName, yName }, numbers, across, stacked) {
  const words = { color: INK, font: { size: 14 } };
  const title = (text) => ({ display: Boolean(text), text, ...words });
  const values = {
    ticks: { ...words, callback: (value) => `${value}${unit ?? ""}` },
    grid: { color: "#d8dde0" },
    title: title(yName),
    min: least === undefined ? undefined : Number(least),
    max: most === undefined ? undefined : Number(most),
  };
  const places = {
    type: numbers ? "linear" : "category",
    ticks: words,
    grid: { display: false },
    title: title(xName),
    ...(numbers ? { beginAtZero: true } : {}),
  };
  if (!across) return { x: places, y: values };
  // Chart.js gives what stands beside bars half the width: smaller, a long day fits on a telephone.
  const font = ({ chart }) => ({ ...words.font, size: chart.width < 400 ? 12 : words.font.size });
  return { x: { ...values, stacked }, y: { ...places, stacked, ticks: { ...words, font } } };
}

function draw(figure) {
  const kind = figure.dataset.chart;
  const table = document.getElementById(figure.dataset.table);
  const canvas = figure.querySelector("canvas");
  const { places, series } = read(table);
  const bars = kind === "bars" || kind === "pairs";
  const numbers = !bars && places.every((place) => place.x !== null);
  figure.hidden = false;
  const chart = new window.Chart(canvas, {
    type: bars ? "bar" : "line",
    data: {
      labels: numbers ? undefined : places.map((place) => place.label),
      datasets: series.map((one, at) => (bars ? bar(one, at) : line(one, at, places, kind))),
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      indexAxis: bars ? "y" : "x",
      scales: axes(figure.dataset, numbers, bars, kind === "bars"),
      plugins: {
        legend: { display: series.length > 1, labels: { color: INK, usePointStyle: !bars, font: { size: 14 } } },
        tooltip: {
          callbacks: {
            title: ([hit]) => (kind === "sizes" ? nearest(places, hit) : (hit?.label ?? "")),
            label: (hit) => `${hit.dataset.label}: ${hit.formattedValue}${figure.dataset.unit ?? ""}`,
          },
        },
      },
      // A point leads where its number in the table leads.
      onClick: (_event, [hit]) => {
        const href = hit && chart.data.datasets[hit.datasetIndex].hrefs[hit.index];
        if (href) window.location.assign(href);
      },
    },
  });
  // Paper has a width of its own, which nothing tells a canvas.
  const [wide, high] = figure.closest(".app-paper") ? [330, 230] : [640, 300];
  window.addEventListener("beforeprint", () => chart.resize(wide, high));
  window.addEventListener("afterprint", () => chart.resize());
}

function nearest(places, hit) {
  return places.filter((place) => place.x === hit?.parsed.x).map((place) => place.label).join(", ");
}

window.Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
for (const figure of document.querySelectorAll("[data-chart]")) draw(figure);
