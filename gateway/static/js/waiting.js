/* The waiting page: counts down, and loads itself anew when the outcome is there. */
"use strict";

const wait = document.querySelector("[data-wait]");
const clock = document.querySelector("[data-countdown]");
const bar = document.querySelector("[data-countdown-bar]");

const again = () => location.replace(location.href);

const end = performance.now() + Number(clock.dataset.countdown) * 1000;
const tick = setInterval(() => {
  const left = Math.max(0, Math.round((end - performance.now()) / 1000));
  clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  if (bar) bar.value = left;
  if (left === 0) { clearInterval(tick); again(); }
}, 1000);

const source = new EventSource(wait.dataset.wait);
source.addEventListener("settled", () => { source.close(); again(); });
// Refused for good (too many are waiting): ask by loading the page from time to time instead.
source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) setTimeout(again, 4000); });
