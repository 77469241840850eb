"use strict";
// Draws the screen again when something changed on it; without scripts the page refreshes itself.
(function () {
  const own = document.currentScript.dataset;
  async function look() {
    try {
      const answer = await fetch(own.state, { cache: "no-store" });
      if (answer.ok && (await answer.json()).mark !== own.mark) {
        location.reload();
        return;
      }
    } catch (error) {
      // The simulator is being restarted; the next look finds it.
    }
    setTimeout(look, 1200);
  }
  setTimeout(look, 1200);
})();
