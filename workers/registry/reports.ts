/** What an instance reports of itself: what it offers, and how its listeners stand. */
import type { ListenerReport, Offer } from "../../protocol/messages.ts";
import type { Context } from "./context.ts";
import type { SiteRow } from "./store/store.ts";

/** Takes an instance's offers, and tells which services changed. */
export function takeOffers(
  context: Context,
  site: SiteRow,
  boot: string,
  offers: readonly Offer[],
  now: number,
): string[] {
  const { store } = context;
  const before = store.offers.all();
  const changed = store.offers.replace(site.id, boot, offers, now);
  const after = store.offers.all();
  for (const name of changed) {
    const had = before.filter((offer) => offer.service === name);
    const has = after.filter((offer) => offer.service === name);
    const facts = { site: site.name, actor: site.name };
    if (had.length === 0 && has.length > 0) {
      context.event("service.appeared", `Site ${site.name} offers service ${name}.`, facts);
    } else if (has.length === 0 && had.length > 0) {
      context.event(
        "service.gone",
        `Service ${name} is offered no more: site ${site.name} withdrew it.`,
        facts,
      );
    } else if (
      !had.some((offer) => offer.instance.site === site.id) &&
      has.some((offer) => offer.instance.site === site.id)
    ) {
      const others = new Set(had.map((offer) => offer.instance.siteName));
      context.event(
        "service.contested",
        `Site ${site.name} begins to offer service ${name}, as ${[...others].join(", ")} already does.`,
        facts,
      );
    }
  }
  return changed;
}

/** Takes an instance's listeners; one that newly fails, or works again, is an event. */
export function takeListeners(
  context: Context,
  site: SiteRow,
  boot: string,
  reports: readonly ListenerReport[],
): void {
  const before = new Map(
    context.store.listeners.replace(site.id, boot, reports).map((report) => [report.service, report]),
  );
  for (const report of reports) {
    const known = before.get(report.service);
    const where = `Listener ${report.address} for service ${report.service} at site ${site.name}`;
    const facts = { site: site.name, code: report.code, actor: site.name };
    if (report.state === "failed" && (known?.state !== "failed" || known.code !== report.code)) {
      context.event(
        "listener.failed",
        `${where} failed: ${report.message ?? report.code ?? "unknown"}.`,
        facts,
      );
    } else if (report.state === "listening" && known?.state === "failed") {
      context.event("listener.restored", `${where} works again.`, facts);
    }
  }
}
