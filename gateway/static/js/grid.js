// The editable table: cells pasted from a spreadsheet spread over rows and columns; rows appear as they are needed.
"use strict";

const grid = document.querySelector("[data-grid]");
if (grid) {
  const body = grid.tBodies[0];
  const count = document.querySelector("[data-grid-count]");
  const columns = [...body.rows[0].querySelectorAll("input")].map((input) => input.name);

  const cellsOf = (text) => {
    // Spreadsheets wrap a cell that holds a line break in quotes and double the quotes inside it.
    const rows = [[""]];
    let quoted = false;
    for (let at = 0; at < text.length; at += 1) {
      const sign = text[at];
      const row = rows[rows.length - 1];
      if (quoted) {
        if (sign === '"' && text[at + 1] === '"') { row[row.length - 1] += '"'; at += 1; }
        else if (sign === '"') quoted = false;
        else row[row.length - 1] += sign === "\n" ? " " : sign;
      } else if (sign === '"' && row[row.length - 1] === "") quoted = true;
      else if (sign === "\t") row.push("");
      else if (sign === "\n") rows.push([""]);
      else if (sign !== "\r") row[row.length - 1] += sign;
    }
    return rows.filter((row) => row.some((cell) => cell.trim()));
  };

  const newRow = () => {
    const row = body.rows[0].cloneNode(true);
    const number = body.rows.length + 1;
    row.cells[0].textContent = number;
    row.cells[0].id = `row-${number}`;
    row.querySelectorAll(".fault, .badge").forEach((old) => old.remove());
    row.querySelectorAll("td").forEach((cell) => cell.classList.remove("bad"));
    row.querySelectorAll("input").forEach((input) => {
      input.value = "";
      input.id = `${input.name}-${number}`;
      input.setAttribute("aria-labelledby", `row-${number} column-${input.name}`);
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
    });
    body.append(row);
    return row;
  };

  const filled = () => [...body.rows].filter((row) => [...row.querySelectorAll("input")].some((i) => i.value.trim()));
  const show = () => { count.textContent = count.dataset.text.replace("{n}", filled().length); };

  body.addEventListener("paste", (event) => {
    const text = event.clipboardData.getData("text/plain");
    if (!text.includes("\t") && !text.trimEnd().includes("\n")) return;
    event.preventDefault();
    const rows = cellsOf(text);
    const odd = rows.some((row) => row.length !== columns.length) || (rows[0] && !rows[0].some((c) => /[@\d]/.test(c)));
    const intoFirst = event.target.name === columns[0] && filled().length === 0;
    if (odd && intoFirst) {
      // Headings, or columns in another order: the server reads those.
      document.getElementById("pasted").value = text;
      grid.closest("form").requestSubmit(document.querySelector('button[value="check"]'));
      return;
    }
    const start = [...body.rows].indexOf(event.target.closest("tr"));
    const first = columns.indexOf(event.target.name);
    rows.forEach((cells, down) => {
      const row = body.rows[start + down] || newRow();
      const inputs = row.querySelectorAll("input");
      cells.slice(0, columns.length - first).forEach((cell, right) => { inputs[first + right].value = cell.trim(); });
    });
    show();
  });

  body.addEventListener("input", show);
  body.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
    event.preventDefault();
    const row = event.target.closest("tr");
    const below = row.nextElementSibling || newRow();
    below.querySelector(`input[name="${event.target.name}"]`).focus();
  });
  document.querySelector("[data-grid-more]").addEventListener("click", () => { newRow().querySelector("input").focus(); });

  // A download leaves the page as it is, so the form may be sent again.
  document.addEventListener("submit", (event) => {
    if (event.submitter && "download" in event.submitter.dataset) setTimeout(() => delete event.target.dataset.sent, 500);
  });
  show();
}
