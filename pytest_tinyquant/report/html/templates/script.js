"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const SIGNS = { bad: "✕", changed: "△", gap: "◇", ok: "✓" };
  // Light enough for dark letters in either theme, and apart in lightness as well as in hue.
  const FILLS = ["#8ec7ee", "#f2cf7c", "#a7dcb8", "#e8a9c9", "#c3cad3", "#ffb48a"];
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  // As metrics/text.py writes numbers.
  const number = (value) => {
    if (Number.isInteger(value) || Math.abs(value) >= 1e6) {
      return Math.round(value).toLocaleString("en-US");
    }
    const short = Number(value.toPrecision(6));
    return Math.abs(short) < 1000 ? short.toString() : short.toLocaleString("en-US");
  };

  function element(name, attributes = {}, ...children) {
    const svg = ["svg", "rect", "text", "title", "path"].includes(name);
    const made = svg ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children.filter((child) => child !== null));
    return made;
  }

  function table(headings, rows, label) {
    const head = headings.map(([title, kind]) => element("th", { scope: "col", class: kind }, title));
    const body = rows.map((row) =>
      element("tr", {}, ...row.map((cell, i) => element("td", { class: headings[i][1] }, cell))));
    return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
      element("table", {}, element("thead", {}, element("tr", {}, ...head)),
        element("tbody", {}, ...body)));
  }

  /* ---- theme ---- */
  function theme() {
    const button = $("#theme");
    const system = matchMedia("(prefers-color-scheme: dark)");
    const dark = () => (document.documentElement.dataset.theme
      || (system.matches ? "dark" : "light")) === "dark";
    const name = () => { button.textContent = dark() ? "Light theme" : "Dark theme"; };
    button.hidden = false;
    button.addEventListener("click", () => {
      document.documentElement.dataset.theme = dark() ? "light" : "dark";
      name();
    });
    system.addEventListener("change", name);
    name();
  }

  /* ---- figures ---- */
  function legend() {
    for (const box of $$("input[data-series]")) {
      box.addEventListener("change", () => {
        for (const series of $$(`.panel .s-${CSS.escape(box.dataset.series)}`)) {
          series.style.display = box.checked ? "" : "none";
        }
      });
    }
  }

  /* ---- table of verdicts ---- */
  function filters() {
    const form = $(".filters");
    const more = $("#more");
    const step = Number(more.dataset.step);
    let limit = step;
    const texts = new Map($$("#rows tbody tr").map((row) => [row, row.textContent.toLowerCase()]));
    const apply = () => {
      const text = form.elements.text.value.trim().toLowerCase();
      const wanted = $$("select", form).filter((select) => select.value);
      const fits = (row) => texts.get(row).includes(text) && wanted.every((select) =>
        select.value === "!" ? !["ok", "known gap"].includes(row.dataset.outcome)
          : row.dataset[select.name] === select.value);
      let found = 0;
      // In the order of the moment, which sorting changes.
      for (const row of $("#rows tbody").rows) {
        row.hidden = !fits(row) || ++found > limit;
      }
      more.hidden = found <= limit;
      const shown = found > limit ? `, the first ${number(limit)} shown` : "";
      $("output", form).textContent = `${number(found)} of ${number(texts.size)} tests${shown}`;
    };
    const anew = () => { limit = step; apply(); };
    form.addEventListener("input", anew);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(anew));
    more.addEventListener("click", () => { limit = Infinity; apply(); });
    apply();
    return apply;
  }

  function sorting(apply) {
    const body = $("#rows tbody");
    const natural = new Intl.Collator("en", { numeric: true });
    const columns = $$("#rows th");
    const key = {
      change: (row) => Number(row.dataset.change ?? 0),
      number: (row) => parseFloat(row.cells[2].textContent.replaceAll(",", "")) || 0,
      baseline: (row) => parseFloat(row.cells[3].textContent.replaceAll(",", "")) || 0,
    };
    columns.forEach((column, index) => {
      $("button", column).addEventListener("click", () => {
        const name = $("button", column).dataset.sort;
        const up = column.getAttribute("aria-sort") !== "ascending";
        for (const other of columns) other.removeAttribute("aria-sort");
        column.setAttribute("aria-sort", up ? "ascending" : "descending");
        const text = (row) => (row.cells[index].firstChild?.textContent ?? "");
        const compare = key[name] ? (a, b) => key[name](a) - key[name](b)
          : (a, b) => natural.compare(text(a), text(b));
        const rows = [...body.rows].sort((a, b) => (up ? 1 : -1) * compare(a, b));
        body.append(...rows);
        apply();
      });
    });
  }

  /* ---- page of one combination ---- */
  function tests(data) {
    return data.tests.map((test) => {
      const words = [test.text, test.gap].filter(Boolean).join("\n");
      return element("section", {},
        element("h2", {}, `${test.name} `, element("span", { class: `outcome ${test.kind}` },
          `${SIGNS[test.kind]} ${test.outcome}`)),
        words ? element("pre", {}, words) : null);
    });
  }

  function metrics(data) {
    const rows = Object.entries(data.measurement.metrics).flatMap(([metric, parts]) =>
      Object.entries(parts).map(([part, m]) => [metric, part, number(m.value), m.unit, m.class]));
    return table([["Metric"], ["Part"], ["Value", "n"], ["Unit"], ["Class"]], rows, "Metrics");
  }

  function published(data) {
    if (!data.published.length) return null;
    const rows = data.published.map((p) => [p.figure, number(p.value), p.unit, p.source]);
    return element("section", {}, element("h2", {}, "Published"),
      element("p", { class: "quiet" },
        "By the study, on real boards: other software, clock and units; not to be compared digit by digit."),
      table([["Figure"], ["Value", "n"], ["Unit"], ["Source"]], rows, "Published figures"));
  }

  function layers({ ops, structure, estimates }, unit) {
    if (!ops.length) return null;
    const estimated = estimates?.find((e) => e.metric === "latency" && e.ops?.length === ops.length);
    const whole = ops.reduce((sum, op) => sum + op[3], 0) || 1;
    const rows = ops.map(([label, kernel, shape, count], index) => {
      const macs = structure?.macs[index] ?? 0;
      const share = count / whole;
      const bar = element("span", { class: "bar", style: `width:${(share * 6).toFixed(2)}rem` });
      return [label, kernel, shape.join("x"), macs ? number(macs) : "", number(count),
        macs ? (count / macs).toFixed(2) : "", element("span", { class: "share" }, bar, ` ${(share * 100).toFixed(1)} %`),
        ...(estimated ? [number(estimated.ops[index][1]), macs ? (estimated.ops[index][1] / macs).toFixed(2) : ""] : [])];
    });
    const more = estimated ? [[`${estimated.number.unit}, estimated`, "n"], ["per multiply-add", "n"]] : [];
    return element("section", {}, element("h2", {}, "Layers"),
      table([["Operator"], ["Kernel"], ["Output"], ["Multiply-adds", "n"], [unit, "n"], ["per multiply-add", "n"],
        ["Share"], ...more], rows, "Layers"));
  }

  function symbols(measurement) {
    const list = (sizes, what, title) => {
      const rows = Object.entries(sizes ?? {}).sort((a, b) => b[1] - a[1])
        .map(([name, size]) => [name, number(size)]);
      return rows.length ? element("details", {},
        element("summary", {}, `${rows.length} ${what}, largest first`),
        table([[title], ["Bytes", "n"]], rows, what)) : null;
    };
    const lists = [list(measurement.symbols, "symbols in flash", "Symbol"),
      list(measurement.variables, "variables in RAM beside the arena", "Variable")].filter(Boolean);
    return lists.length ? element("section", {}, element("h2", {}, "Symbols"), ...lists) : null;
  }

  function arena({ structure, ops }) {
    if (!structure?.arena.length) return null;
    const width = 960, height = 320, left = 70, bottom = 24;
    const steps = ops.length + 2;
    const peak = Math.max(...structure.arena.map((place) => place[1] + place[2]));
    const x = (step) => left + ((step + 1) / steps) * (width - left - 4);
    const y = (bytes) => 6 + (1 - bytes / peak) * (height - bottom - 6);
    const drawn = structure.arena.flatMap(([name, offset, size, first, last], index) => {
      const box = { x: x(first), y: y(offset + size), width: x(last + 1) - x(first),
        height: Math.max(1, y(offset) - y(offset + size)), fill: FILLS[index % FILLS.length] };
      const when = `operators ${Math.max(first, 0)} to ${Math.min(last, ops.length - 1)}`;
      const rect = element("rect", box,
        element("title", {}, `${name}: ${number(size)} bytes at ${number(offset)}, ${when}`));
      const fits = box.height > 12 && box.width > name.length * 6;
      return fits ? [rect, element("text", { class: "in", x: box.x + 4, y: box.y + 11 }, name)] : [rect];
    });
    const scale = [0, 0.5, 1].map((part) => element("text",
      { x: left - 6, y: y(part * peak) + (part ? 8 : 0), "text-anchor": "end" }, number(Math.round(part * peak))));
    const ends = [[0, "first operator", "start"], [ops.length, "last operator", "end"]].map(([step, text, anchor]) =>
      element("text", { x: x(step), y: height - 8, "text-anchor": anchor }, text));
    const rows = structure.arena.map(([name, offset, size, first, last]) =>
      [name, number(size), number(offset), first < 0 ? "input" : ops[first]?.[0] ?? "",
        last >= ops.length ? "output" : ops[last]?.[0] ?? ""]);
    return element("section", {}, element("h2", {}, "Arena over time"),
      element("p", { class: "quiet" }, `${number(peak)} bytes; the largest set of tensors alive at once needs `
        + `${number(structure.arena_bound)}. Time runs to the right, one step per operator; addresses run upwards.`),
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Arena over time" },
        element("svg", { class: "arena", viewBox: `0 0 ${width} ${height}`, role: "img",
          "aria-label": "Arena over time; the table below says the same" }, ...drawn, ...scale, ...ends)),
      element("details", {}, element("summary", {}, "The same as a table"),
        table([["Tensor"], ["Bytes", "n"], ["Offset", "n"], ["Written by"], ["Last read by"]], rows, "Arena")));
  }

  function identity(measurement) {
    const facts = { target: measurement.target, toolchain: measurement.toolchain, ...measurement.identity,
      "output sha256": measurement.output_sha256 };
    return element("details", {}, element("summary", {}, "What was measured"),
      element("dl", {}, ...Object.entries(facts).flatMap(([key, value]) =>
        [element("dt", {}, key.replaceAll("_", " ")), element("dd", {}, value || "none")])));
  }

  function combination(data) {
    const title = element("h1", { tabindex: "-1" }, data.name);
    const parts = [element("p", {}, element("a", { href: "#verdicts" }, "← All verdicts")), title, ...tests(data)];
    const m = data.measurement;
    if (m) {
      parts.push(element("h2", {}, "Metrics"), metrics(data), identity(m), published(data), layers(m, data.count_unit || "counts"), arena(m),
        symbols(m), element("h2", {}, "Log"), element("pre", {}, m.log || "the device printed nothing"));
    } else {
      parts.push(element("p", { class: "note" }, "Nothing was measured; the reason stands above."));
    }
    const page = $("#page");
    page.replaceChildren(...parts.filter(Boolean));
    return title;
  }

  function route() {
    const name = decodeURIComponent(location.hash).replace(/^#combination=/, "");
    const source = location.hash.startsWith("#combination=")
      && $(`script[data-combination="${CSS.escape(name)}"]`);
    $("#overview").hidden = Boolean(source);
    $("#page").hidden = !source;
    if (source) {
      const title = combination(JSON.parse(source.textContent));
      document.title = `${name} – tinyquant report`;
      scrollTo(0, 0);
      title.focus();
    } else {
      document.title = "tinyquant report";
      if (location.hash === "#verdicts") {
        $("#verdicts").scrollIntoView();
        $("#verdicts").focus();
      }
    }
  }

  theme();
  legend();
  sorting(filters());
  addEventListener("hashchange", route);
  route();
})();
