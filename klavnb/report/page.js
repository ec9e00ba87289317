// Draws the charts of a report from the JSON beside them. Loads nothing, evaluates nothing.
(() => {
  "use strict";
  const deny = () => Promise.reject(new Error("a report loads nothing"));
  const loader = { load: deny, sanitize: deny, http: deny, file: deny };

  const LABELS = 110; // what a panel needs beside itself
  const LETTER = 10; // the width of a title's letter, about
  const SMALL = 7; // of a subtitle's
  const NARROW = 520; // here and below, every pixel counts

  // Panels below each other become as narrow as the screen; those beside each other stay, and scroll.
  function narrow(panel, room) {
    if ((panel.layer || panel.mark) && panel.width > room) panel.width = Math.max(room, 160);
    for (const part of panel.vconcat ?? []) narrow(part, room);
  }

  // Words beside an axis take no more of a narrow screen than its bars.
  function shorten(part, limit) {
    if (part === null || typeof part !== "object") return;
    if (part.axis?.labelLimit > limit) part.axis.labelLimit = limit;
    for (const [name, inner] of Object.entries(part)) if (name !== "datasets" && name !== "data") shorten(inner, limit);
  }

  function breakLines(text, room, letter) {
    const lines = [""];
    for (const word of String(text).split(" ")) {
      const longer = `${lines.at(-1)} ${word}`.trim();
      if (longer.length * letter > room && lines.at(-1)) lines.push(word);
      else lines[lines.length - 1] = longer;
    }
    return lines;
  }

  // A title longer than the screen becomes several lines, that of a panel too; on a narrow one it begins at its edge.
  function wrap(spec, room, isPanel = false) {
    for (const part of spec.vconcat ?? []) wrap(part, room, true);
    const title = typeof spec.title === "string" ? { text: spec.title } : spec.title;
    if (!title?.text) return;
    const [text, subtitle] = [[title.text, LETTER], [title.subtitle ?? [], SMALL]].map(
      ([lines, letter]) => [lines].flat().flatMap(line => breakLines(line, room, letter)));
    const asWritten = [title.text, title.subtitle ?? []].flat().length;
    if (text.length + subtitle.length === asWritten && (isPanel || room > NARROW)) return;
    spec.title = { ...title, text, ...(subtitle.length ? { subtitle } : {}), frame: "bounds" };
  }

  async function draw(figure) {
    const canvas = figure.querySelector(".canvas");
    const spec = JSON.parse(figure.querySelector("script.chart-spec").textContent);
    delete spec.usermeta; // it could switch these options off
    (((spec.config ??= {}).axisQuantitative ??= {}).labelFlush ??= false); // a number stands below its line
    wrap(spec, canvas.clientWidth);
    if (canvas.clientWidth <= NARROW) shorten(spec, canvas.clientWidth * 0.4);
    if (figure.classList.contains("wide")) {
      narrow(spec, canvas.clientWidth - LABELS);
    } else if (!(spec.width <= canvas.clientWidth - Math.max(LABELS, canvas.clientWidth <= NARROW ? canvas.clientWidth / 2 : 0))) {
      const axis = ((spec.config ??= {}).axis ??= {});
      axis.labelLimit = Math.min(axis.labelLimit ?? 180, canvas.clientWidth * 0.36);
      (spec.config.legend ??= {}).columns ??= Math.max(1, Math.floor(canvas.clientWidth / 130));
      spec.width = "container";
    }
    await vegaEmbed(canvas, spec, {
      actions: false, ast: true, defaultStyle: false, loader, mode: "vega-lite", renderer: "svg",
      tooltip: { theme: "klavnb" },
    });
    figure.dataset.drawn = "yes";
  }

  async function drawAll() {
    for (const figure of document.querySelectorAll("figure.chart")) {
      try {
        await draw(figure);
      } catch (error) {
        figure.dataset.drawn = "no";
        figure.querySelector(".canvas").textContent = "This chart could not be drawn; its data are below.";
        console.error(error);
      }
    }
    document.documentElement.dataset.charts = "drawn";
  }

  drawAll();
})();
