// Give back, as sentences, what is wrong with the page as it is shown now.
() => {
  const wrong = [];

  const channels = (text) => {
    const [red, green, blue, alpha = 1] = text.match(/[\d.]+/g).map(Number);
    const scale = text.startsWith("color(srgb") ? 255 : 1; // what color-mix() gives
    return { rgb: [red * scale, green * scale, blue * scale], alpha };
  };
  const luminance = (rgb) => {
    const [red, green, blue] = rgb.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const { rgb, alpha } = channels(getComputedStyle(one).backgroundColor);
      if (alpha === 1) return rgb;
    }
    return [255, 255, 255];
  };
  const contrast = (one, other) => {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };

  // WCAG 2.2, 1.4.3: text against what lies behind it.
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || seen.has(element) || !element.checkVisibility()) continue;
    if (element.closest("script, noscript, option, .skip")) continue;
    seen.add(element);
    const ratio = contrast(channels(getComputedStyle(element).color).rgb, ground(element));
    if (ratio < 4.5) wrong.push(`contrast ${ratio.toFixed(2)} of "${element.textContent.trim().slice(0, 40)}"`);
  }

  // 1.4.11: the edge of what one types into.
  for (const field of document.querySelectorAll("input:not([type=hidden], [type=radio], [type=checkbox]), select, textarea")) {
    const ratio = contrast(channels(getComputedStyle(field).borderTopColor).rgb, ground(field.parentElement));
    if (field.checkVisibility() && ratio < 3) wrong.push(`edge ${ratio.toFixed(2)} of ${field.name || field.id}`);
  }

  // 1.3.1, 4.1.2: everything one can use has a name; what describes a field exists.
  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (!field.labels?.length) wrong.push(`no label for ${field.name || field.id}`);
    if (field.getAttribute("aria-invalid") && !field.getAttribute("aria-describedby")) {
      wrong.push(`no error text for ${field.name}`);
    }
  }
  for (const one of document.querySelectorAll("[aria-describedby], [aria-labelledby]")) {
    const ids = `${one.getAttribute("aria-describedby") ?? ""} ${one.getAttribute("aria-labelledby") ?? ""}`;
    for (const id of ids.trim().split(/\s+/)) {
      if (!document.getElementById(id)) wrong.push(`nothing has the id ${id}`);
    }
  }
  for (const one of document.querySelectorAll("a, button")) {
    if (!one.hidden && !(one.textContent.trim() || one.ariaLabel)) wrong.push(`a ${one.tagName} without a name`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  for (const id of new Set(ids.filter((id, place) => ids.indexOf(id) !== place))) wrong.push(`the id ${id} twice`);
  if (document.querySelectorAll("h1").length !== 1) wrong.push("not exactly one h1");
  // The calendar and the day place what they show by script, which the policy allows; Playwright hides the carets of fields.
  const styled = document.querySelector(":is(header, main) [style]:not(.fc, .fc *, .drawn, .drawn *, input, textarea)");
  if (styled) wrong.push(`an inline style: ${styled.outerHTML.slice(0, 80)}`);

  // 1.4.10: nothing sticks out sideways.
  const over = document.documentElement.scrollWidth - window.innerWidth;
  if (over > 0) wrong.push(`${over} px stick out`);

  // 2.5.8, and 44 px on phones where a finger must hit.
  if (window.innerWidth < 500) {
    for (const one of document.querySelectorAll("main .button:not(.small), .nav a, .nav button")) {
      const height = one.getBoundingClientRect().height;
      if (one.checkVisibility() && height < 44) wrong.push(`"${one.textContent.trim()}" is only ${height} px high`);
    }
  }
  return wrong;
}
