// Choose the browser's own time zone in a fresh form; a page that shows a form again does not load this.
for (const select of document.querySelectorAll("select[name=time_zone]")) {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const isUntouched = [...select.options].every((option) => option.selected === option.defaultSelected);
  if (isUntouched && [...select.options].some((option) => option.value === own)) {
    select.value = own;
  }
}
