/** Dialling lanes as connectors do: through the entrypoint that sits behind the socket with client certificates. */
import { exports } from "cloudflare:workers";
import { LANE_PATH, TICKET_HEADER } from "../../../protocol/assertions.ts";
import type { Invitation } from "../../../protocol/messages.ts";
import { createAssertion } from "../../unit/workers/authority/support.ts";
import { errorOf } from "./client.ts";
import { LINKS_URL } from "./environment.ts";
import { Line, type TestUplink } from "./member.ts";

let counter = 0;

/** The answer to a dial of `uplink`'s process with a ticket. */
export async function dialTicket(uplink: TestUplink, ticket: string): Promise<Response> {
  counter += 1;
  const assertion = { purpose: "lane", jti: `${uplink.boot}.${counter}` } as const;
  const links = exports.Links({ props: { enforcesClientCertificates: true } });
  const headers = {
    upgrade: "websocket",
    authorization: `Bearer ${await createAssertion(uplink.member, assertion)}`,
    [TICKET_HEADER]: ticket,
  };
  return links.fetch(`${LINKS_URL}${LANE_PATH}`, { headers }) as unknown as Promise<Response>;
}

/** An end of a lane. */
export async function openLane(uplink: TestUplink, invitation: Invitation): Promise<Line> {
  return new Line(await dialTicket(uplink, invitation.ticket));
}

/** Status and code of a dial that must be refused. */
export const refusal = (uplink: TestUplink, ticket: string) => errorOf(dialTicket(uplink, ticket));
