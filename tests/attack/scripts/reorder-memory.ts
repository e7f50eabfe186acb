/**
 * A member opens sessions, starts no TLS, and sends single bytes out of order. The bookkeeping of a receiver for each
 * byte would add up.
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { ID_BYTES, makeId } from "../../../protocol/ids.ts";
import { offering } from "../../support/connector/offering.ts";
import type { RawConnector } from "../../support/connector/raw-connector.ts";
import { closeServers, echo, serve } from "../../support/traffic/servers.ts";
import type { AttackScript } from "../attack-script.ts";

const SESSIONS = 8;
const STRETCHES = 4000;
const PATIENCE_MS = 30_000;
const MIB = 1024 * 1024;

export const script: AttackScript = {
  name: "reorder-memory",
  rule: "Out-of-order bytes of an unproven peer take little memory, however they are cut.",
  ci: true,
  async run({ scene }) {
    const stage = await scene();
    try {
      const target = await serve(echo);
      const east = await stage.honest("east", { expose: [`api=${target.at}`], bind: "127.43.0.0/16" });
      const mallory = await stage.attacker("mallory");
      const before = await residentBytes(east.process.pid);
      let sent = 0;
      const codes: string[] = [];
      for (let at = 0; at < SESSIONS; at++) {
        const { bytes, code } = await flood(mallory);
        sent += bytes;
        codes.push(code);
      }
      const grown = (await residentBytes(east.process.pid)) - before;
      return {
        held: grown < 128 * MIB && (await east.status()).uplink.state === "up",
        tried: `${SESSIONS} sessions without TLS, in each up to ${STRETCHES} times two bytes with a gap behind them`,
        seen: `the connector grew by ${Math.round(grown / MIB)} MiB; the lanes ended with ${[...new Set(codes)].join(", ")}`,
        figures: { "bytes sent": sent, "bytes grown": grown },
      };
    } finally {
      await closeServers();
    }
  },
};

/** Opens one session and sends pairs of bytes with gaps between them, until the lane closes. */
async function flood(mallory: RawConnector): Promise<{ bytes: number; code: string }> {
  const boot = makeId("boot", randomBytes(ID_BYTES));
  const uplink = await mallory.uplinkAs({ boot });
  const { services } = await uplink.next("welcome");
  const offer = offering(services, "api");
  const invitation = await mallory.request(uplink, "api", { site: offer.site, boot: offer.boot });
  const lane = await mallory.lane(invitation, boot);
  lane.preface(invitation, { site: mallory.id, boot });
  await lane.text();
  let bytes = 0;
  for (let at = 0; at < STRETCHES && lane.socket.readyState === lane.socket.OPEN; at++) {
    for (const offset of [1, 2]) {
      lane.data(at * 4 + offset, Buffer.from("x"));
      bytes += 11;
    }
    if (at % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const late = new Promise<string>((resolve) => setTimeout(resolve, PATIENCE_MS, "nothing").unref());
  const code = await Promise.race([lane.closed.then(({ reason }) => reason || "no reason"), late]);
  uplink.socket.terminate();
  return { bytes, code };
}

/** Resident memory of a process; 0 where the system does not report it. */
async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}
