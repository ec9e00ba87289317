// What a page does for its reader: tables sort by a click on a heading, the contents show where one is.
// Without it every table and every link is there all the same. Loads nothing, evaluates nothing.
(() => {
  "use strict";
  const WIDE = matchMedia("(min-width: 78rem)");
  const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
  const MISSING = /^(?:[-–—−]|not shown|not known|unknown|none|\(empty\)|n\/a)?$/i;
  const DAY = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d))?)?(?: UTC)?$/;
  const WRITTEN_DAY = /^(?:(\d{1,2}) )?([a-z]{3})[a-z]* (\d{4})$/i;
  const BELOW = /^(?:fewer|less) than ([\d,]+)/i;
  const UNIT = "(?:[A-Z]{3}|[€$£¥])";
  const NUMBER = new RegExp(`^${UNIT}? ?([+−-]?) ?${UNIT}? ?((?:\\d[\\d,]*(?:\\.\\d+)?|\\.\\d+)(?:e[+-]?\\d+)?) ?(.*)$`);
  const TIMES = { second: 1 / 86400, minute: 1 / 1440, hour: 1 / 24, day: 1, week: 7 };

  // The number that a text stands for: a count, money, a share, a span of time or a day; null where it is none.
  function read(text) {
    const day = DAY.exec(text);
    if (day) return Date.UTC(day[1], day[2] - 1, day[3], day[4] ?? 0, day[5] ?? 0, day[6] ?? 0);
    const written = WRITTEN_DAY.exec(text);
    const month = written ? MONTHS.indexOf(written[2].toLowerCase()) : -1;
    if (month >= 0) return Date.UTC(written[3], month, written[1] ?? 1);
    const below = BELOW.exec(text);
    if (below) return Number(below[1].replaceAll(",", "")) - 0.5;
    const found = NUMBER.exec(text);
    if (!found || /^[-–−.:/]\S/.test(found[3])) return null; // 2026-Q1 is a name
    const unit = /^([a-z]+?)s?(?![a-z])/i.exec(found[3])?.[1].toLowerCase();
    const value = Number(found[2].replaceAll(",", "")) * (TIMES[unit] ?? 1);
    return found[1] && found[1] !== "+" ? -value : value;
  }

  function readCell(row, place) {
    const cell = row.cells[place];
    const text = (cell?.dataset.value ?? cell?.textContent ?? "").trim().replace(/\s+/g, " ");
    return { text, number: read(text), missing: MISSING.test(text) };
  }

  // A table whose rows explain each other stays as it is: with spanning cells, or a column that looks to the row above.
  function canSort(table) {
    const body = table.tBodies[0];
    return table.tHead && table.tBodies.length === 1 && body.rows.length > 1 &&
      ![...body.querySelectorAll("td, th")].some(cell => cell.colSpan > 1 || cell.rowSpan > 1) &&
      ![...table.tHead.querySelectorAll("th")].some(head => /\brow above\b/.test(head.textContent));
  }

  function makeSortable(table) {
    const body = table.tBodies[0];
    const asWritten = [...body.rows];
    const heads = [...table.tHead.rows].at(-1).cells;
    for (const [place, head] of [...heads].entries()) {
      if (head.colSpan > 1 || !head.textContent.trim()) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.title = "Sort by this column";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sort(place, head));
    }

    function sort(place, head) {
      const cells = new Map(asWritten.map(row => [row, readCell(row, place)]));
      const there = [...cells.values()].filter(cell => !cell.missing);
      const isNumber = there.length > 0 && there.every(cell => cell.number !== null);
      // numbers begin with the largest, words with A; the third click restores the order of the report
      const steps = isNumber ? ["descending", "ascending", null] : ["ascending", "descending", null];
      const now = steps[(steps.indexOf(head.getAttribute("aria-sort")) + 1) % 3];
      for (const other of heads) other.removeAttribute("aria-sort");
      if (now) head.setAttribute("aria-sort", now);
      const sign = now === "descending" ? -1 : 1;
      const compare = (left, right) => {
        const [a, b] = [cells.get(left), cells.get(right)];
        if (a.missing || b.missing) return a.missing - b.missing;
        return sign * (isNumber ? a.number - b.number : a.text.localeCompare(b.text, "en", { numeric: true }));
      };
      body.append(...(now ? asWritten.toSorted(compare) : asWritten));
    }
  }

  function followContents(contents) {
    const links = [...contents.querySelectorAll("a[href^='#']")];
    const sections = links.map(link => document.getElementById(link.getAttribute("href").slice(1)));
    const fold = contents.querySelector("details");
    const refold = () => { fold.open = WIDE.matches; };
    WIDE.addEventListener("change", refold);
    refold();
    // on paper a link to a section is found by its words; on a phone the list folds once it has been used
    contents.addEventListener("click", event => { if (event.target.closest("a") && !WIDE.matches) fold.open = false; });

    let waits = false;
    function mark() {
      waits = false;
      const line = innerHeight / 4;
      const isEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2 && scrollY > 0;
      const passed = isEnd ? sections.length : sections.filter(section => section.getBoundingClientRect().top <= line).length;
      for (const [place, link] of links.entries()) {
        if (place !== passed - 1) link.removeAttribute("aria-current");
        else if (!link.hasAttribute("aria-current")) {
          link.setAttribute("aria-current", "location");
          if (WIDE.matches) contents.scrollTop = link.offsetTop - contents.clientHeight / 2;
        }
      }
    }
    const ask = () => { if (!waits) { waits = true; requestAnimationFrame(mark); } };
    addEventListener("scroll", ask, { passive: true });
    addEventListener("resize", ask);
    mark();
  }

  for (const table of document.querySelectorAll("main table")) if (canSort(table)) makeSortable(table);
  const contents = document.querySelector("nav.contents");
  if (contents) followContents(contents);
})();
