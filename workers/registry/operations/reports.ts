/** Reports of an instance about itself: its listeners, its clock and its round trip. */
import type { InstanceId } from "../../../protocol/instance-id.ts";
import type { ListenerReport } from "../../../protocol/uplink/messages.ts";
import type { Context } from "../context/context.ts";
import { isClockWrong } from "../policy/uplinks.ts";
import { readAttachment } from "../sockets/attachment.ts";
import type { Uplink } from "../sockets/uplinks.ts";
import { listenerKey } from "../store/offers.ts";
import type { SiteRow } from "../store/store.ts";
import { announceLinks } from "./link-reports.ts";

/** Stores an instance's listeners. A new failure and a recovery are recorded as events. */
export function applyListeners(
  context: Context,
  site: SiteRow,
  instance: InstanceId,
  reports: readonly ListenerReport[],
): void {
  const before = new Map(
    context.store.listeners
      .replace(instance, reports, context.now())
      .map((report) => [listenerKey(report), report]),
  );
  const failed: { text: string; code: string | undefined }[] = [];
  const restored: { text: string }[] = [];
  for (const report of reports) {
    const known = before.get(listenerKey(report));
    const where = `Listener ${report.address} for service ${report.service} at site ${site.name}`;
    if (report.state === "failed" && (known?.state !== "failed" || known.code !== report.code)) {
      const text = `${where} failed: ${report.message ?? report.code ?? "unknown"}.`;
      failed.push({ text, code: report.code });
    } else if (report.state === "listening" && known?.state === "failed") {
      restored.push({ text: `${where} works again.` });
    }
  }
  const facts = { site: site.name, actor: site.name, owner: site.id };
  context.events("listener.failed", failed, facts);
  context.events("listener.restored", restored, facts);
}

/**
 * Compares a connector's clock (`said`, ms since 1970) with the edge's. Records one event when it becomes
 * wrong, and one when it is right again.
 */
export function checkClock(context: Context, site: SiteRow, said: number, now: number): void {
  const ahead = said - now;
  const known = context.store.events.newestClock(site.name) !== undefined;
  const facts = { site: site.name, actor: site.name, owner: site.id };
  if (isClockWrong(ahead) && !known) {
    const off = `${Math.round(Math.abs(ahead) / 1000)} s ${ahead > 0 ? "ahead of" : "behind"} the edge's`;
    context.event("site.clock", `The clock of site ${site.name} is ${off}.`, {
      ...facts,
      code: "site.clock",
    });
  } else if (!isClockWrong(ahead) && known) {
    context.event("site.clock", `The clock of site ${site.name} is right again.`, facts);
  }
}

/**
 * Stores an uplink's round trip, ms. Only its own site gets a link notice. Other sites learn the value with
 * their next notice or status request.
 */
export function recordRoundTrip(context: Context, { socket }: Uplink, rtt: number): void {
  const attachment = readAttachment(socket);
  if (!attachment || attachment.rtt === rtt) return;
  context.uplinks.update(socket, { ...attachment, rtt });
  announceLinks(context, [attachment.site]);
}
