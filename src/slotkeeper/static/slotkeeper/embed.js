// Shows booking pages within another site:
// <script src="https://booking.example.com/static/slotkeeper/embed.js" data-business="practice" async></script>
(() => {
  const script = document.currentScript;
  const { business, service, zone } = script.dataset;
  const { origin } = new URL(script.src);
  const page = new URL(`/${encodeURIComponent(business)}/${service ? encodeURIComponent(service) : ""}`, origin);
  page.searchParams.set("embed", "1");
  if (zone) page.searchParams.set("zone", zone);

  const frame = document.createElement("iframe");
  frame.src = page.href;
  frame.title = script.dataset.title || "Book an appointment";
  frame.loading = "lazy";
  frame.style.cssText = "display: block; width: 100%; height: 720px; border: 0; color-scheme: normal;";
  script.after(frame);

  let isFirst = true;
  window.addEventListener("message", (event) => {
    if (event.source !== frame.contentWindow || event.origin !== origin || event.data?.slotkeeper !== "height") return;
    frame.style.height = `${Math.min(Math.max(Number(event.data.height) || 0, 200), 10000)}px`;
    // A new page starts at its top, also where the one before was scrolled through.
    if (!isFirst && event.data.isNew && frame.getBoundingClientRect().top < 0) frame.scrollIntoView();
    isFirst = false;
  });
})();
