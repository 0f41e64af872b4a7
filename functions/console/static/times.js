// Times are shown in words; on hover the exact one, in the reader's zone (without scripts: in UTC).
const inZone = () => document.querySelectorAll("time[datetime]").forEach((each) => {
  each.title = new Date(each.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "long" });
});
inZone();
new MutationObserver(inZone).observe(document.body, { childList: true, subtree: true });
