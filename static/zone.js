// Asks for the statistics in the time zone of the browser, unless one is chosen. It is loaded before the page is shown,
// so that no one sees UTC days first.

{
  const address = new URL(location.href);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  // A browser that doesn't know its zone says Etc/Unknown.
  if (zone && !["UTC", "Etc/UTC", "Etc/Unknown"].includes(zone) && !address.searchParams.has("tz")) {
    address.searchParams.set("tz", zone);
    location.replace(address);
  }
}
