/** Reads what comes over an uplink and hands it to whoever answers it. */
import { FairleadError, toErrorBody } from "../../protocol/errors.ts";
import { ConnectorMessage, MAX_MESSAGE } from "../../protocol/messages.ts";
import { publicError } from "../errors.ts";
import { renew } from "./admission.ts";
import { announceServices } from "./announcements.ts";
import type { Context } from "./context.ts";
import { greet } from "./greeting.ts";
import { sayGoodbye } from "./parting.ts";
import { takeListeners, takeOffers } from "./reports.ts";
import { endSession, requestSession, resumeSession } from "./sessions.ts";
import type { SiteRow } from "./store/store.ts";
import type { Uplink } from "./uplinks.ts";
import { describeForSite } from "./views.ts";

/**
 * Reads one message. @throws FairleadError `uplink.too_large`, `uplink.malformed`
 */
export function readMessage(data: string | ArrayBuffer): ConnectorMessage {
  if (typeof data !== "string") throw new FairleadError("uplink.malformed", "Uplink messages are text.");
  if (data.length > MAX_MESSAGE) {
    throw new FairleadError(
      "uplink.too_large",
      `A message of ${data.length} characters; the limit is ${MAX_MESSAGE}.`,
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch {
    throw new FairleadError("uplink.malformed", "The message is not JSON.");
  }
  const parsed = ConnectorMessage.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new FairleadError(
    "uplink.malformed",
    `${issue?.path.join(".") || "type"}: ${issue?.message ?? "invalid"}`,
  );
}

/**
 * Handles one message of an uplink. What the peer did against the protocol is thrown and costs it the
 * uplink; a request that is merely refused is answered.
 */
export async function dispatch(context: Context, uplink: Uplink, message: ConnectorMessage): Promise<void> {
  const greeted = uplink.attachment.software !== null;
  if (message.type === "hello") {
    if (greeted) throw new FairleadError("uplink.out_of_order", "The hello came twice.");
    return greet(context, uplink, message);
  }
  if (!greeted) throw new FairleadError("uplink.out_of_order", `${message.type} came before hello.`);
  const { store } = context;
  const site = store.sites.get(uplink.attachment.site);
  if (!site || site.state === "revoked") throw new FairleadError("site.revoked");

  switch (message.type) {
    case "offers": {
      const { boot } = uplink.attachment;
      const changed = store.transaction(() => takeOffers(context, site, boot, message.offers, context.now()));
      announceServices(context, site.id, changed);
      return;
    }
    case "listeners":
      store.transaction(() => takeListeners(context, site, uplink.attachment.boot, message.listeners));
      return;
    case "session.request":
      return answering(context, uplink, message.id, () => requestSession(context, uplink, message));
    case "session.resume":
      return answering(context, uplink, message.id, () => resumeSession(context, uplink, message));
    case "session.ended":
      endSession(context, uplink.attachment, message);
      return;
    case "renew":
      return answering(context, uplink, message.id, () => answerRenew(context, uplink, site, message.id));
    case "status.request":
      context.uplinks.send(uplink, {
        type: "status",
        id: message.id,
        view: describeForSite(context, site.id),
      });
      return;
    case "bye":
      sayGoodbye(context, uplink);
      return;
    default:
      message satisfies never;
  }
}

async function answerRenew(context: Context, uplink: Uplink, site: SiteRow, id: number): Promise<void> {
  const renewal = await renew(context, site);
  context.uplinks.send(uplink, { type: "renewed", id, renewal });
}

async function answering(
  context: Context,
  uplink: Uplink,
  id: number,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    const error = publicError(thrown, "uplink");
    context.uplinks.send(uplink, { type: "error", id, error: toErrorBody(error) });
  }
}
