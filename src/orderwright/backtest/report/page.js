// Draws the big chart of #run: candles with trades, equity, drawdown. What is in view is thinned anew at every zoom.
"use strict";
(() => {
  const run = JSON.parse(document.getElementById("run").textContent);
  const place = document.getElementById("chart-run");
  const note = document.getElementById("run-note");
  const kinds = { i4: Int32Array, f4: Float32Array, f8: Float64Array };
  const unpacked = ({ kind, data, step }) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const values = new kinds[kind](bytes.buffer);
    return step === undefined ? values : Float64Array.from(values, (value) => value * step);
  };
  for (const table of [run.account, run.trades, run.fills ?? {}, ...run.markets]) {
    for (const [name, value] of Object.entries(table)) if (value && value.data !== undefined) table[name] = unpacked(value);
  }
  const { account, trades, fills, markets } = run;
  const MOST_MARKS = 160;
  const narrow = matchMedia("(max-width: 700px)");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const last = (values) => values[values.length - 1];
  const market = () => markets[chosen];
  let chosen = 0;

  const whole = [
    Math.min(account.time[0], ...markets.filter((one) => one.time.length).map((one) => one.time[0])),
    Math.max(last(account.time), ...markets.filter((one) => one.time.length).map((one) => last(one.time))),
  ];
  let view = [...whole];

  const after = (times, moment) => { // the first place whose time is not before the moment
    let low = 0, high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < moment) low = middle + 1; else high = middle;
    }
    return low;
  };
  const window_of = (times, most) => { // [first, end, how many a place], widened to whole places so that they stand still
    let first = Math.max(0, after(times, view[0]) - 1);
    const end = Math.min(times.length, after(times, view[1]) + 1);
    const every = Math.max(1, Math.ceil((end - first) / most));
    first -= first % every;
    return [first, end, every];
  };

  const candles = (most) => {
    const { time, open, high, low, close } = market();
    const [first, end, every] = window_of(time, most);
    const drawn = { x: [], open: [], high: [], low: [], close: [], every };
    for (let at = first; at < end; at += every) {
      const stop = Math.min(at + every, end);
      let top = -Infinity, bottom = Infinity;
      for (let one = at; one < stop; one += 1) {
        if (high[one] > top) top = high[one];
        if (low[one] < bottom) bottom = low[one];
      }
      drawn.x.push(time[at]);
      drawn.open.push(open[at]);
      drawn.high.push(top);
      drawn.low.push(bottom);
      drawn.close.push(close[stop - 1]);
    }
    return drawn;
  };
  const curves = (most) => {
    const [first, end, every] = window_of(account.time, most);
    const drawn = { x: [], equity: [], hold: [], drawdown: [] };
    for (let at = first; at < end; at += every) {
      const stop = Math.min(at + every, end);
      let deepest = 0;
      for (let one = at; one < stop; one += 1) if (account.drawdown[one] < deepest) deepest = account.drawdown[one];
      drawn.x.push(account.time[stop - 1]);
      drawn.equity.push(account.equity[stop - 1]);
      drawn.hold.push(account.hold[stop - 1]);
      drawn.drawdown.push(deepest);
    }
    return drawn;
  };
  const marks = () => { // the trades in view: all of them, or the best and the worst
    let seen = [];
    for (let at = 0; at < trades.profit.length; at += 1) {
      if (trades.market[at] === chosen && !(trades.exitTime[at] < view[0]) && trades.entryTime[at] <= view[1]) seen.push(at);
    }
    const many = seen.length;
    if (many > MOST_MARKS) {
      seen.sort((one, other) => trades.profit[other] - trades.profit[one]);
      seen = [...seen.slice(0, MOST_MARKS / 2), ...seen.slice(-MOST_MARKS / 2)];
    }
    return [seen, many];
  };
  const parts = () => { // the fills in view: all of them, or every so many
    const seen = [];
    for (let at = after(fills.time, view[0]); at < fills.time.length && fills.time[at] <= view[1]; at += 1) {
      if (fills.market[at] === chosen) seen.push(at);
    }
    const every = Math.ceil(seen.length / MOST_MARKS / 2) | 1; // odd, so that buys and sells that take turns are both seen
    return [seen.filter((_, place) => place % every === 0), every * fills.every];
  };

  const spelled = (value, places) => value.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places });
  const signed = (value, places) => `${value > 0 ? "+" : value < 0 ? "\u2212" : ""}${spelled(Math.abs(value), places)}`;
  const span = (length) => {
    const units = [["d", 864e5], ["h", 36e5], ["min", 6e4], ["s", 1e3]];
    const [unit, size] = units.find(([, one]) => length >= one) ?? ["ms", 1];
    return `${+(length / size).toFixed(1)}\u00a0${unit}`;
  };
  const told = (at) => {
    const side = trades.side[at] > 0 ? "Long" : "Short";
    return `${side} closed ${trades.ends[trades.end[at]]}: <b>${signed(trades.gained[at], 2)} %</b>, `
      + `${signed(trades.profit[at], 2)} ${run.quote}, held ${span(trades.exitTime[at] - trades.entryTime[at])}`;
  };

  const range_of = (...lists) => {
    let low = Infinity, high = -Infinity;
    for (const list of lists) for (const value of list) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (!Number.isFinite(low)) return undefined;
    const spare = (high - low || Math.abs(high) || 1) * 0.05;
    return [low - spare, high + spare];
  };

  const draw = () => {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const [ink, muted, line, gain, cost, surface] = ["ink", "muted", "line", "gain", "cost", "surface"].map(colour);
    const width = Math.max(260, place.clientWidth);
    const shown = candles(Math.floor(width / 3)), curve = curves(Math.floor(width * 1.2));
    const [seen, many] = fills ? [[], 0] : marks();
    const [filled, apart] = fills ? parts() : [[], 1];
    const left = seen.filter((at) => !Number.isNaN(trades.exitTime[at]));
    const places = market().places;
    const line_of = (won) => {
      const x = [], y = [];
      for (const at of left) if (trades.profit[at] > 0 === won) {
        x.push(trades.entryTime[at], trades.exitTime[at], null);
        y.push(trades.entryPrice[at], trades.exitPrice[at], null);
      }
      return { type: "scatter", mode: "lines", x, y, hoverinfo: "skip", line: { color: won ? gain : cost, width: 1.5 } };
    };
    const outline = { color: surface, width: 1 };
    const size = seen.length > 80 ? 6 : 9;
    const data = [
      { type: "candlestick", ...shown, name: "", increasing: { line: { color: muted, width: 1 }, fillcolor: surface },
        decreasing: { line: { color: muted, width: 1 }, fillcolor: muted },
        hoverinfo: "text", text: shown.x.map((_, at) => ["open", "high", "low", "close"]
          .map((name) => `${name} ${spelled(shown[name][at], places)}`).join("<br>")) },
      line_of(true), line_of(false),
      { type: "scatter", mode: "markers", x: seen.map((at) => trades.entryTime[at]), y: seen.map((at) => trades.entryPrice[at]),
        marker: { symbol: seen.map((at) => trades.side[at] > 0 ? "triangle-up" : "triangle-down"), size: size + 1, color: ink, line: outline },
        text: seen.map((at) => `${trades.side[at] > 0 ? "Long" : "Short"} at ${spelled(trades.entryPrice[at], places)}`),
        hovertemplate: "%{text}<extra></extra>" },
      { type: "scatter", mode: "markers", x: left.map((at) => trades.exitTime[at]), y: left.map((at) => trades.exitPrice[at]),
        marker: { symbol: "circle", size, color: left.map((at) => trades.profit[at] > 0 ? gain : cost), line: outline },
        text: left.map(told), hovertemplate: "%{text}<extra></extra>" },
      { type: "scatter", mode: "markers", x: filled.map((at) => fills.time[at]), y: filled.map((at) => fills.price[at]),
        marker: { symbol: filled.map((at) => fills.side[at] > 0 ? "triangle-up" : "triangle-down"), size: filled.length > 80 ? 7 : 9,
          color: filled.map((at) => fills.side[at] > 0 ? gain : cost), line: outline },
        text: filled.map((at) => `${fills.side[at] > 0 ? "Bought" : "Sold"} at ${spelled(fills.price[at], places)}`),
        hovertemplate: "%{text}<extra></extra>" },
      { type: "scatter", mode: "lines", x: curve.x, y: curve.hold, yaxis: "y2", line: { color: muted, width: 1.2, dash: "dot" },
        hovertemplate: `buy and hold %{y:,.2f} ${run.quote}<extra></extra>` },
      { type: "scatter", mode: "lines", x: curve.x, y: curve.equity, yaxis: "y2", line: { color: gain, width: 1.8 },
        hovertemplate: `equity %{y:,.2f} ${run.quote}<extra></extra>` },
      { type: "scatter", mode: "lines", x: curve.x, y: curve.drawdown, yaxis: "y3", fill: "tozeroy", line: { color: cost, width: 1 },
        hovertemplate: "drawdown %{y:.2f} %<extra></extra>" },
    ];
    const axis = { gridcolor: line, zeroline: false, fixedrange: true, linecolor: line, ticks: "", tickfont: { size: 11 },
      side: "right", automargin: true };
    const title = (text, y) => ({ text, x: 0, xref: "paper", xanchor: "left", y, yref: "paper", yanchor: "bottom", showarrow: false,
      font: { size: 12, color: muted }, bgcolor: "rgba(0,0,0,0)" });
    const half = 0.5 * shown.every * market().every * market().bar;
    const whole_view = view[0] <= whole[0] && view[1] >= whole[1];
    const layout = {
      height: place.clientHeight, margin: { l: 4, r: 4, t: 22, b: 4 }, showlegend: false, separators: ".,",
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", size: 12, color: muted },
      hoverlabel: { bgcolor: surface, bordercolor: muted, font: { color: ink, size: 13 }, align: "left" },
      hovermode: "closest", hoverdistance: 30, dragmode: narrow.matches ? false : "zoom",
      xaxis: { type: "date", range: [view[0] - half, view[1] + half], anchor: "y3", gridcolor: line, linecolor: line, ticks: "", automargin: true, tickfont: { size: 11 },
        rangeslider: { visible: false }, showspikes: true, spikemode: "across", spikethickness: 1, spikecolor: muted, spikedash: "dot" },
      yaxis: { ...axis, domain: [0.43, 1], range: range_of(shown.low, shown.high), tickformat: ",", nticks: 7 },
      yaxis2: { ...axis, domain: [0.17, 0.38], range: range_of(curve.equity, curve.hold), tickformat: ",", nticks: 5 },
      yaxis3: { ...axis, domain: [0, 0.12], range: [Math.min(...curve.drawdown) * 1.08 || -1, 0], ticksuffix: " %", nticks: 3 },
      annotations: [title(`Price, ${run.quote}`, 1.005), title(`Equity, ${run.quote} (dotted: buy and hold)`, 0.385), title("Drawdown", 0.125)],
    };
    Plotly.react(place, data, layout, { displayModeBar: false, responsive: true, doubleClick: false });
    const each = span(shown.every * market().every * market().bar);
    const sampled = apart > 1 ? `one fill in ${apart} is drawn` : "";
    const few = many > seen.length ? `of the ${many.toLocaleString("en")} trades here the ${MOST_MARKS / 2} best and the ${MOST_MARKS / 2} worst are drawn, closer in all are` : "";
    const words = [shown.every * market().every > 1 ? `a candle is ${each}` : "", few, sampled].filter(Boolean).join("; ");
    note.textContent = words ? `${words[0].toUpperCase()}${words.slice(1)}.` : "";
    for (const one of document.querySelectorAll("[data-span]")) {
      const length = Number(one.dataset.span);
      const on = length === 0 ? whole_view : !whole_view && Math.abs(view[1] - view[0] - length) < length * 0.01;
      one.setAttribute("aria-pressed", String(on));
    }
  };

  const show = (from, to) => {
    const least = 8 * market().bar * market().every;
    const length = Math.min(Math.max(to - from, least), whole[1] - whole[0]);
    const start = Math.min(Math.max((from + to - length) / 2, whole[0]), whole[1] - length);
    view = [start, start + length];
    draw();
  };

  document.addEventListener("click", (event) => {
    const found = event.target.closest("[data-span], [data-move], [data-from], [data-market]");
    if (!found) return;
    const { span: length, move, from, to, market: wanted } = found.dataset;
    if (wanted !== undefined && Number(wanted) < markets.length) {
      chosen = Number(wanted);
      for (const one of document.querySelectorAll(".markets [data-market]")) one.setAttribute("aria-pressed", String(one.dataset.market === wanted));
    }
    if (from !== undefined) {
      const room = Math.max((Number(to) - Number(from)) * 0.6, 25 * market().bar);
      show(Number(from) - room, Number(to) + room);
      document.getElementById("chart").scrollIntoView();
    } else if (length !== undefined) {
      if (Number(length) === 0) show(...whole);
      else if (view[0] <= whole[0] && view[1] >= whole[1]) show(whole[1] - Number(length), whole[1]);
      else { const middle = (view[0] + view[1]) / 2; show(middle - length / 2, middle + length / 2); }
    } else if (move !== undefined) {
      const step = (view[1] - view[0]) * 0.5 * Number(move);
      show(view[0] + step, view[1] + step);
    } else draw();
  });

  draw();
  const moment = (value) => typeof value === "number" ? value : Date.parse(`${value.replace(" ", "T")}Z`);
  place.on("plotly_relayout", (change) => {
    const from = change["xaxis.range[0]"], to = change["xaxis.range[1]"];
    if (from !== undefined && to !== undefined) show(moment(from), moment(to));
  });
  place.on("plotly_doubleclick", () => show(...whole));
  for (const name of ["beforeprint", "afterprint"]) addEventListener(name, draw);
  dark.addEventListener("change", draw);
  narrow.addEventListener("change", draw);
  let drawn = place.clientWidth;
  addEventListener("resize", () => { if (place.clientWidth !== drawn) { drawn = place.clientWidth; draw(); } });
})();
