// Ticking people: a search, a count, and no more ticks than there are unused licences.
"use strict";

const list = document.querySelector("[data-pick]");
if (list) {
  const most = Number(list.dataset.pick);
  const count = document.querySelector("[data-pick-count]");
  const boxes = [...list.querySelectorAll("input[name=person]")];
  const open = boxes.filter((box) => !box.disabled);

  const show = () => {
    const ticked = open.filter((box) => box.checked).length;
    count.textContent = count.dataset.text.replace("{n}", ticked).replace("{most}", most);
    count.classList.toggle("too-many", ticked > most);
  };

  list.addEventListener("change", show);
  list.querySelector("[data-pick-search]").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLocaleLowerCase();
    for (const box of boxes) {
      const line = box.closest("li");
      line.hidden = !line.textContent.toLocaleLowerCase().includes(wanted);
    }
  });
  list.querySelector("[data-pick-search]").addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
  list.querySelector("[data-pick-all]").addEventListener("click", () => {
    const shown = open.filter((box) => !box.closest("li").hidden);
    const tick = shown.some((box) => !box.checked);
    let left = most - open.filter((box) => box.checked).length;
    for (const box of shown) {
      if (!tick) box.checked = false;
      else if (!box.checked && left > 0) { box.checked = true; left -= 1; }
    }
    show();
  });
  show();
}
