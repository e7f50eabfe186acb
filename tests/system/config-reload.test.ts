/** Reload of a connector's configuration file while streams of its clients are open. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { copyFile, mkdir, rename, symlink, writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Status } from "../../connector/control/schema.ts";
import { eventually } from "../support/clock/eventually.ts";
import { Members } from "../support/connector/members.ts";
import { freePort } from "../support/free-port.ts";
import type { Connector } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { dial, echo, exchange, type Place, serve, type TestServer } from "../support/traffic/servers.ts";

const suite = useEdge();
let members: Members;
let owner: Connector;
let guest: Connector;
let ownerFile: string;
let guestFile: string;
let server: TestServer;
let other: TestServer;
let steady: Steady;
/** Token file with which both sites joined. */
let token: string;

/** A client that sends random bytes and compares what comes back, until it is stopped. */
class Steady {
  readonly #socket: Socket;
  readonly #done: Promise<void>;
  isStopped = false;
  rounds = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#done = this.#run();
    this.#done.catch(() => {});
  }

  /** Waits until bytes that were sent after this call have come back. */
  async isEchoed(): Promise<void> {
    const before = this.rounds;
    await Promise.race([this.#done, eventually("the bytes come back", () => this.rounds >= before + 2)]);
  }

  /** @throws Error when a byte was wrong or the connection failed */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.isStopped) {
      const sent = randomBytes(64 * 1024);
      this.#socket.write(sent);
      let received = Buffer.alloc(0);
      while (received.length < sent.length) {
        received = Buffer.concat([received, (await once(this.#socket, "data"))[0] as Buffer]);
      }
      if (!received.equals(sent)) throw new Error("The echoed bytes differ.");
      this.rounds++;
    }
    this.#socket.end();
    await once(this.#socket, "end");
  }
}

/** Replaces a file as many editors do: writes a new one and renames it over the old one. */
async function write(path: string, lines: readonly string[]): Promise<void> {
  await writeFile(`${path}.new`, `${lines.join("\n")}\n`);
  await rename(`${path}.new`, path);
}

const config = async (connector: Connector): Promise<NonNullable<Status["config"]>> => {
  const line = (await connector.status()).config;
  if (line === undefined) throw new Error("The connector has no configuration file.");
  return line;
};

/** Lines of the owner's first configuration. */
const base = () => [`expose: [echo=${server.at}]`];

beforeAll(async () => {
  members = await Members.create(suite);
  [server, other] = [await serve(echo), await serve((socket) => void socket.end("the other"))];
  token = await members.token(undefined, 2);
  const directory = suite.cluster.fresh("config");
  await mkdir(directory, { recursive: true });
  ownerFile = join(directory, "owner.yaml");
  guestFile = join(directory, "guest.yaml");
  await write(ownerFile, base());
  await write(guestFile, ["bind: 127.91.0.0/16"]);
  [owner, guest] = await Promise.all([
    suite.cluster.connector({ site: "owner", token, bind: "127.90.0.0/16", args: ["--config", ownerFile] }),
    suite.cluster.connector({ site: "guest", token, args: ["--config", guestFile] }),
  ]);
  steady = new Steady(await dial(await guest.listener("echo")));
});

/** Checks that the stream from before the first reload still carries bytes. */
afterEach(async () => {
  if (!steady.isStopped) await steady.isEchoed();
});

const answers = async (place: Place, text: string) =>
  expect((await exchange(place, "ask")).toString()).toBe(text);

describe("Reload of the configuration file", () => {
  it("adds a service, which another site reaches", async () => {
    await write(ownerFile, [`expose: [echo=${server.at}, second=${other.at}]`]);
    await answers(await guest.listener("second"), "the other");
    await owner.logged({ msg: "The configuration was reloaded." });
  });

  it("narrows a service to a site, while that site's stream continues", async () => {
    await write(ownerFile, [
      `expose: [echo=${server.at}, second=${other.at}]`,
      "to: [echo=guest, second=nobody]",
    ]);
    await guest.without("second");
    expect((await owner.control.services()).offers).toMatchObject([{ to: ["guest"] }, { to: ["nobody"] }]);
  });

  it("moves a service to another target, which new streams reach", async () => {
    await write(ownerFile, [`expose: [echo=${other.at}]`]);
    await eventually("the new target answers", async () => {
      const place = await guest.listener("echo");
      return (await exchange(place, "ask")).toString() === "the other";
    });
  });

  it("offers a service with hop encryption, which a site that does not allow it leaves alone", async () => {
    await write(ownerFile, [`expose: [echo=${server.at}]`, "hop: [echo]"]);
    const isHop = async () =>
      (await guest.control.services()).services[0]?.code === "service.hop_not_allowed";
    await eventually("the guest uses no offer", isHop);
    await write(guestFile, ["bind: 127.91.0.0/16", "allow-hop: [echo]"]);
    await eventually("the guest uses the offer", async () => !(await isHop()));
    expect((await exchange(await guest.listener("echo"), "hop")).toString()).toBe("hop");
  });

  it("moves listeners to other addresses", async () => {
    await write(guestFile, ["bind: 127.91.0.0/16", "allow-hop: [echo]", "listen: [echo=127.92.0.1:7777]"]);
    await eventually("the named address", async () => (await guest.listener("echo")).host === "127.92.0.1");
    expect((await exchange(await guest.listener("echo"), "named")).toString()).toBe("named");
    await write(guestFile, ["bind: 127.93.0.1", "allow-hop: [echo]"]);
    await eventually("the bind address", async () => (await guest.listener("echo")).host === "127.93.0.1");
    expect((await exchange(await guest.listener("echo"), "bound")).toString()).toBe("bound");
  });

  it("withdraws a service, whose open stream continues", async () => {
    await write(ownerFile, ["expose: []"]);
    await guest.without("echo");
    await steady.isEchoed();
    await write(ownerFile, base());
    expect((await exchange(await guest.listener("echo"), "back")).toString()).toBe("back");
  });

  it("keeps what a command changed, until the entry of the service changes", async () => {
    expect((await owner.fairlead("expose", `added=${other.at}`)).status).toBe(0);
    expect((await owner.fairlead("unexpose", "echo")).status).toBe(0);
    await guest.without("echo");
    await write(ownerFile, [...base(), "drain: 1s"]);
    await owner.logged({ msg: "The configuration was reloaded.", drain: true });
    expect((await owner.control.services()).offers.map(({ name }) => name)).toEqual(["added"]);
    await write(ownerFile, [...base(), "to: [echo=guest]"]);
    await guest.listener("echo");
    expect((await owner.control.services()).offers.map(({ name }) => name)).toEqual(["added", "echo"]);
  });

  it("sets the log level of one part, whose lines alone are shown", async () => {
    expect(owner.log().some(({ level }) => level === "debug")).toBe(false);
    // The connector skips a redeemed token with a debug line.
    const copy = `${suite.cluster.fresh("token")}.yaml`;
    await copyFile(token, copy);
    await write(ownerFile, [...base(), "log-level: info,site=debug", `token: [${copy}]`]);
    await owner.logged({ level: "debug", part: "site", token: copy });
    const debug = owner.log().filter(({ level }) => level === "debug");
    expect(debug.filter(({ part }) => part !== "site")).toEqual([]);
  });

  it("serves metrics and health at a new address, and no longer once that is off", async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const get = async (path: string) => await fetch(`http://${address}${path}`);
    await write(ownerFile, [...base(), `metrics: ${address}`]);
    await owner.logged({ msg: "Metrics and health are served.", address });
    expect((await get("/healthz")).status).toBe(200);
    expect(await (await get("/readyz")).json()).toEqual({ ready: true, missing: [] });
    const metrics = await (await get("/metrics")).text();
    expect(metrics).toContain("\nfairlead_uplink_up 1\n");
    expect(metrics).toMatch(/^fairlead_session_streams{peer_site_name="guest"} [1-9]/m);
    expect(await (await get("/metrics?names=skupper")).text()).toMatch(/^skupper_site_info{.*name="owner"/m);
    await write(ownerFile, base());
    await eventually(
      "metrics are served no longer",
      async () =>
        await get("/healthz").then(
          () => false,
          () => true,
        ),
    );
  });

  it("redeems an added token", async () => {
    const further = await members.token("owner");
    await write(guestFile, ["bind: 127.93.0.0/16", `token: [${further}]`]);
    await eventually("the link", async () => {
      const { links } = await guest.control.links();
      return links.some(({ issuer, state }) => issuer === "owner" && state === "up");
    });
  });

  it("reports fields that need a restart, and applies the others", async () => {
    await write(ownerFile, [`expose: [echo=${server.at}, third=${other.at}]`, "lanes: 4", "memory: 512M"]);
    await guest.listener("third");
    const line = await owner.logged({ code: "config.restart_needed" });
    expect(line).toMatchObject({ level: "warn", fields: ["lanes", "memory"] });
    expect((await config(owner)).restartNeeded).toEqual(["lanes", "memory"]);
    await write(ownerFile, base());
    await guest.without("third");
    expect((await config(owner)).restartNeeded).toEqual([]);
  });

  it("changes nothing when the file is invalid, and names the line", async () => {
    const before = await config(owner);
    await write(ownerFile, [...base(), "listen:", "  - echo=here"]);
    const line = await owner.logged({ code: "config.rejected" });
    expect(line).toMatchObject({
      level: "error",
      msg: expect.stringContaining(`${ownerFile}:3:5: listen.0: `),
    });
    const { error, loadedAt } = await config(owner);
    expect([error?.code, loadedAt]).toEqual(["config.rejected", before.loadedAt]);
    expect((await exchange(await guest.listener("echo"), "still")).toString()).toBe("still");
    const status = await owner.fairlead("status");
    expect(status.stdout).toContain("rejected since");
    await write(ownerFile, base());
    await eventually("the file is loaded again", async () => (await config(owner)).error === undefined);
  });

  it("happens at SIGHUP, even when the file has not changed", async () => {
    const before = Date.parse((await config(owner)).loadedAt);
    owner.process.kill("SIGHUP");
    await eventually(
      "the file is loaded again at SIGHUP",
      async () => Date.parse((await config(owner)).loadedAt) > before,
    );
  });
});

describe("Reload of a mounted ConfigMap", () => {
  it("follows the swap of the link to its directory", async () => {
    const directory = suite.cluster.fresh("mounted");
    const mount = async (version: string, lines: readonly string[]) => {
      await mkdir(join(directory, version), { recursive: true });
      await writeFile(join(directory, version, "connector.yaml"), `${lines.join("\n")}\n`);
      await symlink(version, join(directory, "..data_tmp"));
      await rename(join(directory, "..data_tmp"), join(directory, "..data"));
    };
    await mount("..1", [`expose: [mounted=${server.at}]`]);
    await symlink(join("..data", "connector.yaml"), join(directory, "connector.yaml"));
    await suite.cluster.connector({
      site: "mounted",
      token: await members.token(),
      args: ["--config", join(directory, "connector.yaml")],
    });
    expect((await exchange(await guest.listener("mounted"), "one")).toString()).toBe("one");
    for (const version of ["2", "3"]) {
      await mount(`..${version}`, [`expose: [mounted${version}=${server.at}]`]);
      expect((await exchange(await guest.listener(`mounted${version}`), version)).toString()).toBe(version);
    }
  });
});

describe("A stream across every reload", () => {
  it("gets back every byte as it was sent", async () => {
    await steady.stop();
    expect(steady.rounds).toBeGreaterThan(10);
  });
});
