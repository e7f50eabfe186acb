/** An uplink of a site to an edge that follows a script. */
import { onTestFinished, vi } from "vitest";
import { Site } from "../../../connector/site/site.ts";
import { parseToken } from "../../../connector/site/token.ts";
import { dialUplink } from "../../../connector/uplink/dial.ts";
import { Uplink, type UplinkOptions } from "../../../connector/uplink/uplink.ts";
import type { Hello } from "../../../protocol/uplink/messages.ts";
import { UPLINK_VERSIONS } from "../../../protocol/versions.ts";
import { randomId } from "../authority/certificates.ts";
import { TestDeployment } from "../authority/test-deployment.ts";
import { eventually } from "../clock/eventually.ts";
import { type Script, ScriptedEdge } from "../edge/scripted-edge.ts";
import { temporaryState } from "../process/directories.ts";
import { MemoryLog } from "./memory-log.ts";

export const service = {
  name: "api",
  protocol: "tcp" as const,
  port: 80,
  offers: [{ site: randomId("site"), siteName: "east", boot: randomId("boot") }],
};

export async function setUp(
  script: Script | ((edge: () => ScriptedEdge) => Script),
  more: Partial<UplinkOptions> = {},
) {
  const deployment = await TestDeployment.create();
  const holder: { edge?: ScriptedEdge } = {};
  const edgeOf = () => {
    if (!holder.edge) throw new Error("not started");
    return holder.edge;
  };
  holder.edge = await ScriptedEdge.start(deployment, typeof script === "function" ? script(edgeOf) : script);
  const edge = holder.edge;
  const log = new MemoryLog();
  const boot = randomId("boot");
  const site = await Site.start({
    state: await temporaryState(),
    boot,
    site: "west",
    tokens: ["token"],
    api: deployment,
    readToken: async () => parseToken(deployment.tokenFile()),
    log,
  });
  const hello: Hello = {
    type: "hello",
    versions: UPLINK_VERSIONS,
    boot,
    software: "test",
    links: [],
    offers: [],
    sessions: [],
    listeners: [],
  };
  const onWelcome = vi.fn();
  const onNotice = vi.fn();
  const uplink = new Uplink({
    dial: (signal) => dialUplink(site, signal),
    onExpired: () => site.renewOverApi(),
    onWelcome,
    onNotice,
    log,
    random: () => 0.1,
    ...more,
  });
  onTestFinished(() => uplink.close());
  uplink.start(() => hello);
  const reaches = (state: string) => eventually(`uplink ${state}`, () => uplink.state.state === state);
  return { deployment, edge, site, uplink, log, onWelcome, onNotice, reaches };
}

/** A script that answers hello and passes other messages to `more`. */
export function welcoming(edge: () => ScriptedEdge, more: Script["message"] = () => {}): Script {
  return {
    message: (socket, message) => {
      if (message.type === "hello") socket.send(JSON.stringify(edge().welcome({ type: "hello" }, [service])));
      else more(socket, message);
    },
  };
}
