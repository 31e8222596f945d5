// What the pages do beyond what the server has put on them: refresh in sight only, say when nobody answers, draw.
"use strict";

const stale = (on) => { document.querySelector(".stale").hidden = !on; };

document.addEventListener("htmx:beforeRequest", (event) => { if (document.hidden) event.preventDefault(); });
document.addEventListener("htmx:sendError", () => stale(true));
document.addEventListener("htmx:responseError", () => stale(true));
document.addEventListener("htmx:afterOnLoad", () => stale(false));

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function draw(place, name, times, values) {
  const shown = `${name === "duration_s" ? "seconds it took" : name}, by UTC`;
  const hours = times[times.length - 1] - times[0] < 86400;
  const when = (_, ticks) => ticks.map((t) => new Date(t * 1000).toISOString().slice(hours ? 11 : 5, 16).replace("T", " "));
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  const line = { label: shown, stroke: colour("--accent"), width: 1.5, points: { size: 4 }, spanGaps: true };
  const size = { width: place.clientWidth, height: 150 };
  const plot = new uPlot({ ...size, title: shown, series: [{ label: "run" }, line], axes: [{ ...axis, values: when }, axis], scales: { y: { range: (_, least, most) => [Math.min(0, least), most * 1.1 || 1] } },
    legend: { show: false } },
    [times, values], place);
  new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: 150 })).observe(place);
}

async function chart(where) {
  const answer = await fetch(where.dataset.chart);
  if (!answer.ok) return;
  const told = await answer.json();
  for (const [name, values] of Object.entries(told.series)) {
    if (values.filter((value) => value !== null).length < 2) continue;
    const place = document.createElement("div");
    where.append(place);
    draw(place, name, told.t, values);
  }
}

document.querySelectorAll("[data-chart]").forEach(chart);
