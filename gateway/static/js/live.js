// A page about something under way shows itself anew when that has moved on.
"use strict";

const live = document.querySelector("[data-live]");
if (live) {
  const source = new EventSource(live.dataset.live);
  const again = () => { source.close(); location.reload(); };
  source.addEventListener("changed", again);
  source.addEventListener("settled", again);
  // Refused for good (too many are waiting): load the page from time to time instead.
  source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) setTimeout(again, 3000); });
}
