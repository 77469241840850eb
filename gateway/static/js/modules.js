// Choosing modules: the sum of each person is shown at once, and only a right choice can be confirmed.
"use strict";

const people = document.querySelector("[data-quota]");
if (people) {
  const quota = Number(people.dataset.quota);
  const exact = people.dataset.rule === "exact";
  const confirm = document.getElementById("confirm");
  const asHours = (minutes) => `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;

  const show = () => {
    let right = true;
    for (const card of people.querySelectorAll("[data-person]")) {
      const ticked = [...card.querySelectorAll("[data-minutes]:checked")];
      const sum = ticked.reduce((total, box) => total + Number(box.dataset.minutes), 0);
      const gap = quota - sum;
      const fits = exact ? gap === 0 : gap <= 0;
      right = right && fits;
      card.querySelector("[data-sum]").textContent = asHours(sum);
      card.querySelector("progress").value = Math.min(sum, quota);
      const balance = card.querySelector("[data-balance]");
      const text = fits ? people.dataset.right : gap > 0 ? people.dataset.missing : people.dataset.tooMuch;
      const words = text.replace("{hours}", asHours(Math.abs(gap)));
      if (balance.textContent !== words) balance.textContent = words;
      balance.className = `badge ${fits ? "good" : gap < 0 ? "bad" : "warn"}`;
    }
    confirm.disabled = !right;
  };

  people.addEventListener("change", show);
  people.addEventListener("click", (event) => {
    if (!event.target.closest("[data-same]")) return;
    const [first, ...others] = people.querySelectorAll("[data-person]");
    const chosen = new Set([...first.querySelectorAll("[data-minutes]:checked")].map((box) => box.value));
    for (const card of others) {
      for (const box of card.querySelectorAll("[data-minutes]")) box.checked = chosen.has(box.value);
    }
    show();
  });
  document.getElementById("sum").hidden = true;
  show();
}
