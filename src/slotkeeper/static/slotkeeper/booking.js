// Comforts of the public pages; each of them works without.
(() => {
  const { zone } = document.currentScript.dataset;
  const detect = document.currentScript.dataset.detect?.trim();
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const withZone = (address) => {
    const url = new URL(address, location.href);
    if (!url.searchParams.has("zone")) url.searchParams.set("zone", own);
    return url.href;
  };

  // Within another site's frame a browser may keep nothing; then the page's own links still carry the hold.
  const ownStorage = () => {
    try {
      return window.sessionStorage;
    } catch {
      return null;
    }
  };

  // Before anything is drawn: times by the visitor's own clock, where they have not chosen another.
  if (detect === "reload" && own && own !== zone) location.replace(withZone(location.href));

  document.addEventListener("DOMContentLoaded", () => {
    if (detect === "links" && own && own !== zone) {
      for (const link of document.querySelectorAll(".offer a")) link.href = withZone(link.href);
    }

    // Who goes back and chooses another time gives up the one that is kept free for them.
    const storage = ownStorage();
    const held = new URLSearchParams(location.search).get("hold");
    if (held) storage?.setItem("slotkeeper hold", held);
    for (const form of document.querySelectorAll("form[action*='/hold']")) {
      form.addEventListener("formdata", ({ formData }) => {
        const former = storage?.getItem("slotkeeper hold");
        if (former) formData.set("former", former);
      });
    }

    // A form is sent once, however often its button is pressed.
    for (const form of document.querySelectorAll("form[method=post]")) {
      form.addEventListener("submit", (event) => {
        if (form.dataset.sent) event.preventDefault();
        form.dataset.sent = "yes";
        form.setAttribute("aria-busy", "true");
      });
    }

    // What is kept for a while shows how it runs out, and then what is true after that.
    for (const left of document.querySelectorAll("[data-seconds]")) {
      const end = Date.now() + 1000 * left.dataset.seconds;
      const tick = () => {
        const seconds = Math.max(0, Math.round((end - Date.now()) / 1000));
        left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
        if (seconds === 0) location.replace(location.href);
      };
      tick();
      setInterval(tick, 1000);
    }

    // Within another site's frame: say how high this page is, so that it needs no scroll bar of its own.
    if (window.parent !== window) {
      const tell = (isNew) => {
        const height = Math.ceil(document.body.getBoundingClientRect().height);
        window.parent.postMessage({ slotkeeper: "height", height, isNew }, "*");
      };
      new ResizeObserver(() => tell(false)).observe(document.body);
      tell(true);
    }
  });

  // Back from the next page the form may be sent again.
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      form.removeAttribute("aria-busy");
    }
  });
})();
