/* A zone's charts: quick line thin, average thick, limits dashed with their names, shifts shaded, gaps
   hatched and never bridged. Colours come from the style sheet, so that dark and light are one place. */
(() => {
  "use strict";
  const REFRESH_MS = 2000;
  const LABEL_PX = 15;
  const WHOLE_DAYS = [1, 2, 4, 7, 14, 28, 56].map((days) => days * 86400);

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function zoned(timezone) {
    const parts = { timeZone: timezone, hourCycle: "h23" };
    const hour = new Intl.DateTimeFormat(document.documentElement.lang, { ...parts, hour: "2-digit", minute: "2-digit" });
    const day = new Intl.DateTimeFormat(document.documentElement.lang, { ...parts, weekday: "short", day: "numeric" });
    const month = new Intl.DateTimeFormat(document.documentElement.lang, { ...parts, month: "short", day: "numeric" });
    const full = new Intl.DateTimeFormat(document.documentElement.lang, {
      ...parts, weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
    });
    return { hour, day, month, full };
  }

  const at = (format, seconds) => format.format(new Date(seconds * 1000));

  function hatch(context) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const pen = tile.getContext("2d");
    pen.strokeStyle = colour("--line-strong");
    pen.lineWidth = 1;
    pen.beginPath();
    for (const shift of [-8, 0, 8]) {
      pen.moveTo(shift, 8);
      pen.lineTo(shift + 8, 0);
    }
    pen.stroke();
    return context.createPattern(tile, "repeat");
  }

  function drawBands(plot, chart) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    const paint = { shift: colour("--sunken"), break: colour("--surface"), gap: hatch(ctx) };
    for (const kind of ["shift", "break", "gap"]) {
      ctx.fillStyle = paint[kind];
      for (const band of chart.bands.filter((one) => one.kind === kind)) {
        const left = plot.valToPos(band.start, "x", true);
        const right = plot.valToPos(band.end, "x", true);
        ctx.fillRect(left, bbox.top, Math.max(1, right - left), bbox.height);
      }
    }
    drawDoubts(plot, chart);
    ctx.restore();
  }

  /* Minutes that tests doubt stand as marks on the floor of the chart: hollow while suspect, full when failed;
     what is kept as summaries only is ruled across. */
  function drawDoubts(plot, chart) {
    const { ctx, bbox } = plot;
    const scale = devicePixelRatio;
    const height = 7 * scale;
    const floor = bbox.top + bbox.height - height;
    for (const band of chart.bands) {
      const left = plot.valToPos(band.start, "x", true);
      const width = Math.max(2 * scale, plot.valToPos(band.end, "x", true) - left);
      if (band.kind === "failed") {
        ctx.fillStyle = colour("--danger");
        ctx.fillRect(left, floor, width, height);
      } else if (band.kind === "suspect") {
        ctx.strokeStyle = colour("--warning");
        ctx.lineWidth = 1.5 * scale;
        ctx.strokeRect(left, floor, width, height);
      } else if (band.kind === "thinned") {
        ctx.strokeStyle = colour("--line-strong");
        ctx.lineWidth = scale;
        for (let y = bbox.top; y < bbox.top + bbox.height; y += 9 * scale) {
          ctx.beginPath();
          ctx.moveTo(left, y);
          ctx.lineTo(left + width, y);
          ctx.stroke();
        }
      }
    }
  }

  function drawLimits(plot, chart) {
    const { ctx, bbox } = plot;
    const scale = devicePixelRatio;
    ctx.save();
    ctx.font = `600 ${11 * scale}px system-ui, sans-serif`;
    const seen = new Set();
    const taken = [];
    const rank = { danger: 0, warning: 1, notice: 2 };
    const limits = [...chart.limits].sort((a, b) => rank[a.severity] - rank[b.severity] || a.value - b.value);
    for (const limit of limits) {
      const y = plot.valToPos(limit.value, "y", true);
      if (y < bbox.top || y > bbox.top + bbox.height || seen.has(limit.value)) continue;
      seen.add(limit.value);
      const hard = limit.severity === "danger";
      ctx.strokeStyle = ctx.fillStyle = colour(hard ? "--danger" : "--warning");
      ctx.lineWidth = (hard ? 1.75 : 1) * scale;
      ctx.setLineDash(hard ? [6 * scale, 4 * scale] : [2 * scale, 3 * scale]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
      if (taken.some((other) => Math.abs(other - y) < LABEL_PX * scale)) continue;
      taken.push(y);
      label(ctx, `${limit.value.toFixed(limit.decimals)} · ${limit.instrument}`, bbox, y, scale);
    }
    ctx.restore();
  }

  function label(ctx, text, bbox, y, scale) {
    const width = ctx.measureText(text).width;
    const ink = ctx.fillStyle;
    ctx.fillStyle = colour("--surface");
    ctx.globalAlpha = 0.85;
    ctx.fillRect(bbox.left + 4 * scale, y - 15 * scale, width + 8 * scale, 14 * scale);
    ctx.globalAlpha = 1;
    ctx.fillStyle = ink;
    ctx.textBaseline = "bottom";
    ctx.textAlign = "left";
    ctx.fillText(text, bbox.left + 8 * scale, y - 2 * scale);
  }

  function range(chart) {
    const values = chart.lines.flatMap((line) => line.values.filter((value) => value !== null));
    const first = chart.limits[0];
    const lowest = chart.limits.length ? Math.min(...chart.limits.map((limit) => limit.value)) : undefined;
    for (const value of [first?.value, lowest]) if (value !== undefined) values.push(value);
    if (!values.length) return [0, 1];
    const low = values.reduce((a, b) => Math.min(a, b));
    const high = values.reduce((a, b) => Math.max(a, b));
    const margin = Math.max((high - low) * 0.08, 0.5);
    return [low < 0 || low - margin > 0 ? low - margin : 0, high + margin];
  }

  function series(chart) {
    const look = {
      thin: { stroke: colour("--chart-thin"), width: 1 },
      thick: { stroke: colour("--chart-thick"), width: 3 },
      dashed: { stroke: colour("--chart-dashed"), width: 2, dash: [6, 4] },
    };
    return chart.lines.map((line) => ({
      ...look[line.weight], label: line.kind, spanGaps: false, points: { show: false },
    }));
  }

  function ticks(chart, formats) {
    const days = (chart.end - chart.start) / 86400;
    return (_plot, splits) => splits.map((t) => {
      if (days > 60) return at(formats.month, t);
      if (days > 2) return at(formats.day, t);
      return at(formats.hour, t);
    });
  }

  function options(figure, chart, words) {
    const formats = zoned(chart.timezone);
    const axis = { stroke: colour("--ink-soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false },
      font: "12px system-ui, sans-serif" };
    const draw = figure.querySelector(".draw");
    const days = (chart.end - chart.start) / 86400;
    return {
      tzDate: (t) => uPlot.tzDate(new Date(t * 1000), chart.timezone),
      width: draw.clientWidth - 8,
      height: Math.max(260, Math.min(420, Math.round(draw.clientWidth * 0.45))),
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: { time: true, range: () => [chart.start, chart.end] }, y: { range: () => range(chart) } },
      axes: [
        { ...axis, space: 64, size: 26, values: ticks(chart, formats), ...(days > 2 ? { incrs: WHOLE_DAYS } : {}) },
        { ...axis, size: 44, values: (_plot, splits) => splits.map((value) => String(Math.round(value * 10) / 10)) },
      ],
      series: [{}, ...series(chart)],
      hooks: {
        drawClear: [(plot) => drawBands(plot, figure.chart)],
        draw: [(plot) => drawLimits(plot, figure.chart)],
        setCursor: [(plot) => read(figure, plot, formats, words)],
      },
    };
  }

  /* What stands under the pointer, in words below the chart. */
  function read(figure, plot, formats, words) {
    const place = plot.cursor.idx;
    const line = figure.querySelector(".reading");
    if (place === null || place === undefined) {
      line.textContent = "";
      return;
    }
    const chart = figure.chart;
    const names = [...figure.querySelectorAll(".legend li")].map((one) => one.textContent.trim());
    const t = chart.times[place];
    const gap = chart.bands.find((one) => one.kind === "gap" && t >= one.start && t <= one.end);
    const values = chart.lines
      .map((one, index) => (one.values[place] === null ? null : `${names[index]} ${one.values[place].toFixed(one.decimals)}`))
      .filter(Boolean);
    if (gap) values.push(gap.text ? `${words.none}: ${gap.text}` : words.none);
    for (const kind of ["suspect", "failed", "thinned"]) {
      const band = chart.bands.find((one) => one.kind === kind && t >= one.start && t <= one.end);
      if (band) values.push([words[kind], band.text].filter(Boolean).join(": "));
    }
    line.textContent = `${at(formats.full, t)} · ${values.join(" · ") || words.none}`;
  }

  const columns = (chart) => [chart.times, ...chart.lines.map((line) => line.values)];

  async function load(figure) {
    const response = await fetch(figure.dataset.source, { headers: { accept: "application/json" } });
    if (!response.ok) throw new Error(`chart: ${response.status}`);
    return response.json();
  }

  async function show(figure) {
    const chart = await load(figure);
    figure.chart = chart;
    for (const key of figure.querySelectorAll("[data-band]")) {
      key.hidden = !chart.bands.some((band) => band.kind === key.dataset.band);
    }
    if (figure.plot && figure.plot.series.length === chart.lines.length + 1) {
      figure.plot.setData(columns(chart));
    } else {
      build(figure);
    }
    figure.dataset.points = String(chart.lines.reduce((n, line) => n + line.values.filter((v) => v !== null).length, 0));
  }

  function build(figure) {
    figure.plot?.destroy();
    const words = JSON.parse(figure.dataset.words || "{}");
    const draw = figure.querySelector(".draw");
    figure.plot = new uPlot(options(figure, figure.chart, words), columns(figure.chart), draw);
    figure.dataset.drawn = "yes";
  }

  function start() {
    const figures = [...document.querySelectorAll("figure.chart")];
    let due = false;
    const refresh = () => {
      if (due || document.hidden) return;
      due = true;
      setTimeout(() => {
        due = false;
        figures.forEach((figure) => show(figure).catch(() => {}));
      }, REFRESH_MS);
    };
    figures.forEach((figure) => show(figure).catch(() => { figure.dataset.drawn = "failed"; }));
    document.addEventListener("oshwatch:changed", refresh);
    document.addEventListener("visibilitychange", refresh);
    const rebuild = () => figures.filter((figure) => figure.chart).forEach(build);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", rebuild);
    let width = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth !== width) rebuild();
      width = innerWidth;
    });
  }
  start();
})();
