/**
 * A member opens and resets streams to a service whose target does not answer. Leaked dials would take all descriptors.
 */
import { FairleadError } from "../../../protocol/errors.ts";
import { encodeOpen, encodeReset } from "../../../protocol/streams/frames.ts";
import { eventually } from "../../support/clock/eventually.ts";
import { offering } from "../../support/connector/offering.ts";
import { StuckServer } from "../../support/traffic/stuck-server.ts";
import type { AttackScript } from "../attack-script.ts";

const STREAMS = 3000;
/** Pending dials that one site may have for a service, and descriptors of the connector itself. */
const BOUND = 256 + 64;

export const script: AttackScript = {
  name: "leaked-dials",
  rule: "A dial ends with its stream, and one site has a limited number of them.",
  ci: true,
  async run({ scene }) {
    const stage = await scene();
    const stuck = await StuckServer.start();
    try {
      const expose = [`stuck=127.0.0.1:${stuck.port}`];
      const east = await stage.honest("east", { expose, bind: "127.44.0.0/16" });
      const mallory = await stage.attacker("mallory");
      const uplink = await mallory.uplinkAs({ boot: mallory.boot });
      const { services } = await uplink.next("welcome");
      const offer = offering(services, "stuck");
      const invitation = await mallory.request(uplink, "stuck", { site: offer.site, boot: offer.boot });
      const session = await mallory.session(invitation);
      await session.greet();
      const used = async () => (await east.status()).descriptors?.used ?? 0;
      const before = await used();
      const first = mallory.boot < offer.boot ? 2 : 1;
      let most = 0;
      for (let at = 0; at < STREAMS; at++) {
        const id = first + 2 * at;
        session.send(encodeOpen(id, { service: "stuck" }));
        if (at % 4 !== 0) session.send(encodeReset(id, new FairleadError("stream.cancelled")));
        if (at % 500 === 499) most = Math.max(most, (await used()) - before);
      }
      // The remaining streams are refused or time out.
      const rest = await eventually(
        "the dials end",
        async () => {
          const left = (await used()) - before;
          most = Math.max(most, left);
          return left < 16 && { left };
        },
        { within: 60_000 },
      );
      session.close();
      return {
        held: most > 0 && most < BOUND,
        tried: `${STREAMS} streams, three of four reset at once`,
        seen: `${most} descriptors at the most, ${rest.left} in the end`,
      };
    } finally {
      await stuck.close();
    }
  },
};
