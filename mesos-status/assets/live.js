// Replaces the parts of the page that have changed. The server says when; the page itself is
// requested again, so the server alone knows how a page looks.
"use strict";

const source = new EventSource(document.currentScript.dataset.live);
let loading = false;
let again = false;

async function load() {
  if (loading) {
    again = true;
    return;
  }
  loading = true;
  try {
    const response = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = page.getElementById(part.id);
      if (next && next.innerHTML !== part.innerHTML) replace(part, next);
    }
    stopped(false);
  } catch {
    stopped(true);
  }
  loading = false;
  if (again) {
    again = false;
    load();
  }
}

// Keeps the focus, and shows the end of an output that was scrolled to its end.
function replace(part, next) {
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  const places = [...part.querySelectorAll("pre")].map((pre) => ({
    top: pre.scrollTop,
    end: pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 4,
  }));
  part.innerHTML = next.innerHTML;
  part.querySelectorAll("pre").forEach((pre, index) => {
    const place = places[index];
    pre.scrollTop = !place || place.end ? pre.scrollHeight : place.top;
  });
  if (!focused) return;
  const same = (one) =>
    one.getAttribute("href") === focused.getAttribute("href") &&
    one.getAttribute("aria-label") === focused.getAttribute("aria-label");
  [...part.querySelectorAll("a, pre")].find(same)?.focus({ preventScroll: true });
}

function stopped(yes) {
  document.getElementById("paused").hidden = !yes;
}

source.addEventListener("changed", load);
source.addEventListener("error", () => stopped(true));
