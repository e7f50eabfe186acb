/** Parses uplink messages and passes each to its operation. */

import { FairleadError, toErrorBody } from "../../protocol/errors.ts";
import { parseJsonWith } from "../../protocol/parse.ts";
import {
  ConnectorMessage,
  MAX_DETAILS,
  MAX_MESSAGE,
  MAX_OFFERS,
  type Offer,
  type SiteView,
} from "../../protocol/uplink/messages.ts";
import { publicError } from "../error-response.ts";
import type { Context } from "./context/context.ts";
import { describeForSite } from "./operations/describe.ts";
import { handleBye } from "./operations/disconnect.ts";
import { acceptHello } from "./operations/hello.ts";
import { declareIngress } from "./operations/ingress.ts";
import { changeOffers } from "./operations/offers.ts";
import { renew } from "./operations/renew.ts";
import { applyListeners, recordRoundTrip } from "./operations/reports.ts";
import { deleteOwnLink } from "./operations/revoke-access.ts";
import { signForService } from "./operations/service-certificates.ts";
import { endSession, requestSession, resumeSession } from "./operations/sessions.ts";
import { closeSilentUplinks } from "./operations/sweep.ts";
import type { Work } from "./policy/budget.ts";
import { isEstablished } from "./sockets/attachment.ts";
import type { Uplink } from "./sockets/uplinks.ts";
import type { OffersChange } from "./store/offers.ts";
import type { SiteRow } from "./store/store.ts";

/** Parses one message. @throws FairleadError `uplink.too_large`, `uplink.malformed` */
export function readMessage(data: string | ArrayBuffer): ConnectorMessage {
  if (typeof data !== "string") throw new FairleadError("uplink.malformed", "Uplink messages must be text.");
  if (data.length > MAX_MESSAGE) {
    throw new FairleadError(
      "uplink.too_large",
      `The message has ${data.length} characters; the limit is ${MAX_MESSAGE}.`,
    );
  }
  return parseJsonWith(ConnectorMessage, data, {
    code: "uplink.malformed",
    what: "The message is malformed",
  });
}

/**
 * Handles one message of an uplink. A violation of the protocol is thrown, and ends the uplink. A refused
 * request is answered with an error.
 */
export async function dispatch(context: Context, uplink: Uplink, message: ConnectorMessage): Promise<void> {
  const established = isEstablished(uplink.attachment);
  if (message.type === "hello") {
    if (established) throw new FairleadError("uplink.out_of_order", "The uplink sent hello twice.");
    return acceptHello(context, uplink, message);
  }
  if (!established)
    throw new FairleadError("uplink.out_of_order", `The uplink sent ${message.type} before hello.`);
  const { store } = context;
  const site = store.sites.get(uplink.attachment.site);
  if (!site || site.state === "revoked") throw new FairleadError("site.revoked");

  switch (message.type) {
    case "offers":
      replaceOffers(context, uplink, site, message.offers);
      return;
    case "offers.changed":
      applyChange(context, uplink, site, message);
      return;
    case "listeners":
      store.transaction(() => applyListeners(context, site, uplink.attachment, message.listeners));
      return;
    case "ingress":
      declareIngress(context, uplink.attachment, message.ingress);
      return;
    case "session.request":
      return answerWith(context, uplink, message.id, "session", () =>
        requestSession(context, uplink, message),
      );
    case "session.resume":
      return answerWith(context, uplink, message.id, "session", () =>
        resumeSession(context, uplink, message),
      );
    case "session.ended":
      endSession(context, uplink.attachment, message);
      return;
    case "renew":
      return answerWith(context, uplink, message.id, null, () =>
        answerRenew(context, uplink, site, message.id),
      );
    case "certificate.request":
      return answerWith(context, uplink, message.id, "certificate", async () => {
        const certificate = await signForService(context, site, message);
        context.uplinks.send(uplink, { type: "certificate", id: message.id, certificate });
      });
    case "link.delete":
      return answerWith(context, uplink, message.id, "link", () =>
        deleteLinkOf(context, uplink, site, message),
      );
    case "measured":
      recordRoundTrip(context, uplink, message.rtt);
      return;
    case "status.request":
      return answerWith(context, uplink, message.id, "status", async () => {
        const now = context.now();
        if (context.silenceChecks.spend(1, now)) closeSilentUplinks(context, uplink);
        answerStatus(context, uplink, site, message.id);
      });
    case "bye":
      handleBye(context, uplink, message.successor);
      return;
    default:
      message satisfies never;
  }
}

function replaceOffers(
  context: Context,
  { attachment: instance }: Uplink,
  site: SiteRow,
  given: readonly Offer[],
): void {
  const { store } = context;
  const offers = store.offers.withKnownDetails(site.id, given);
  if (store.offers.hasExactly(instance, offers)) return;
  const cause = { reason: `site ${site.name} withdrew it`, owner: site.id };
  changeOffers(context, cause, () => store.offers.replace(instance, offers, context.now()));
}

/** Changes some offers of an instance. @throws FairleadError `uplink.too_large` if it then has too many or too long ones */
function applyChange(
  context: Context,
  { attachment: instance }: Uplink,
  site: SiteRow,
  { put, gone }: OffersChange,
): void {
  const { store } = context;
  const change = { put: store.offers.withKnownDetails(site.id, put), gone };
  if (store.offers.hasAlready(instance, change)) return;
  const { offers, details } = store.offers.sizeAfter(instance, change);
  if (offers > MAX_OFFERS || details > MAX_DETAILS) {
    throw new FairleadError(
      "uplink.too_large",
      `The instance would offer ${offers} services with ${details} characters of details; the limits are ${MAX_OFFERS} and ${MAX_DETAILS}.`,
    );
  }
  const cause = { reason: `site ${site.name} withdrew it`, owner: site.id };
  changeOffers(context, cause, () => store.offers.change(instance, change, context.now()));
}

/**
 * Sends the status view. A view above the message limit omits the services, which the site receives as
 * notices anyway.
 * @throws FairleadError `uplink.too_large`
 */
function answerStatus(context: Context, uplink: Uplink, { id: site }: SiteRow, id: number): void {
  const view = describeForSite(context, site, uplink.attachment.features);
  const fits = ({ services }: SiteView) => JSON.stringify({ ...view, services }).length <= MAX_MESSAGE - 100;
  const short = { ...view, services: [] };
  if (!fits(view) && !fits(short)) {
    throw new FairleadError("uplink.too_large", "The site can reach more sites than fit into one message.");
  }
  context.uplinks.send(uplink, { type: "status", id, view: fits(view) ? view : short });
}

async function answerRenew(context: Context, uplink: Uplink, site: SiteRow, id: number): Promise<void> {
  const renewal = await renew(context, site, uplink.attachment.notAfter);
  context.uplinks.send(uplink, { type: "renewed", id, renewal });
}

async function deleteLinkOf(
  context: Context,
  uplink: Uplink,
  site: SiteRow,
  { id, link }: Extract<ConnectorMessage, { type: "link.delete" }>,
): Promise<void> {
  await deleteOwnLink(context, site, link);
  context.uplinks.send(uplink, { type: "done", id });
}

/** Runs the handler of a request within its site's budget. A refusal is sent as the answer. */
async function answerWith(
  context: Context,
  uplink: Uplink,
  id: number,
  cost: Work | null,
  work: () => Promise<void>,
): Promise<void> {
  try {
    if (cost !== null) context.spend(uplink.attachment.site, cost);
    await work();
  } catch (thrown) {
    const error = publicError(thrown, "uplink");
    context.uplinks.send(uplink, {
      type: "error",
      id,
      error: toErrorBody(error),
      retryAfterMs: error.retryAfterMs,
    });
  }
}
