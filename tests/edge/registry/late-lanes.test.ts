import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { LANE_PATH, TICKET_HEADER } from "../../../protocol/uplink/assertions.ts";
import type { Invitation } from "../../../protocol/uplink/messages.ts";
import { unwrap } from "../../../workers/result.ts";
import { createAssertion } from "../../support/authority/test-site.ts";
import { ask, errorOf, reported } from "../../support/workerd/client.ts";
import { GATEWAY_URL } from "../../support/workerd/environment.ts";
import { granted, offer, TestUplink } from "../../support/workerd/member.ts";
import type { Operator } from "../../support/workerd/operator.ts";

import { closeShop, openEmptyShop } from "../../support/workerd/shop.ts";

let ops: Operator;

beforeEach(async () => {
  ops = await openEmptyShop();
});
afterEach(closeShop);

/** Dials a lane whose authorised request reaches the router only after `meanwhile`. */
async function dialLate(uplink: TestUplink, { ticket }: Invitation, meanwhile: () => Promise<unknown>) {
  const { member, boot } = uplink;
  const assertion = await createAssertion(member, { purpose: "lane", jti: `${boot}.1` });
  const late = new Proxy(env.ROUTER, {
    get: (routers, name) => {
      if (name !== "getByName") return Reflect.get(routers, name);
      return (pair: string) => ({
        fetch: async (request: Request) => {
          await meanwhile();
          return routers.getByName(pair).fetch(request as never);
        },
      });
    },
  });
  return ask(
    `${GATEWAY_URL}${LANE_PATH}`,
    {
      headers: { upgrade: "websocket", authorization: `Bearer ${assertion}`, [TICKET_HEADER]: ticket },
      cf: reported(member.certificate.certificate),
    },
    { ROUTER: late },
  );
}

it("lanes that were authorised just before a revocation do not meet after the cut", async () => {
  const east = await TestUplink.open(await ops.member("east"), { offers: [offer("api")] });
  const member = await ops.member("west");
  const link = await ops.link(member, "east");
  const west = await TestUplink.open(member, { links: [link.certificate] });
  const mine = await granted(west.request(east, "api"));
  const theirs = (await east.next("session.offer")).invitation;

  let come = 0;
  const cut = Promise.withResolvers<void>();
  const meanwhile = async () => {
    come += 1;
    if (come === 2)
      cut.resolve(ops.registry.deleteLink(link.id, "ops").then((answer) => void unwrap(answer)));
    await cut.promise;
  };
  const answers = await Promise.all([dialLate(west, mine, meanwhile), dialLate(east, theirs, meanwhile)]);
  expect(come).toBe(2);
  for (const answer of answers) expect(await errorOf(answer)).toEqual([409, "ticket.stale"]);
});
