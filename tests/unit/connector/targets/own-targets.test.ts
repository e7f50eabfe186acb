import { describe, expect, it } from "vitest";
import { OwnTargets } from "../../../../connector/targets/own-targets.ts";

const target = (name: string, host: string, port: number, transport: "tcp" | "udp" = "tcp") => ({
  ...{ name, host, port, transport },
});

/** Targets of a site, whose names have these addresses. */
function ownTargets(...offered: ReturnType<typeof target>[]) {
  let offers = offered;
  const addresses = new Map<string, string>();
  const asked: string[] = [];
  const own = new OwnTargets({
    offers: () => offers,
    names: {
      resolve: async (host) => {
        asked.push(host);
        const address = addresses.get(host);
        return address === undefined ? [] : [{ address, family: 4 }];
      },
    },
  });
  const offer = (...next: typeof offered): void => {
    offers = next;
  };
  return { own, offer, addresses, asked };
}

describe("OwnTargets", () => {
  it("find the target at an address, of the same transport, as the offers are now", () => {
    const { own, offer } = ownTargets(target("api", "127.0.0.1", 80), target("dns", "127.0.0.1", 53, "udp"));
    expect(own.takenBy("127.0.0.1", 80)).toMatchObject({ service: "api", site: null });
    expect(own.takenBy("0.0.0.0", 80)?.service).toBe("api");
    expect(own.takenBy("127.0.0.2", 80)).toBeNull();
    expect(own.takenBy("127.0.0.1", 53)).toBeNull();
    expect(own.takenBy("127.0.0.1", 53, { transport: "udp" })?.service).toBe("dns");
    offer(target("web", "127.0.0.1", 81));
    expect(own.takenBy("127.0.0.1", 80)).toBeNull();
    expect(own.list().map(({ service }) => service)).toEqual(["web"]);
  });

  it("look up only the names at the port in question, and follow what they are told", async () => {
    const { own, addresses, asked } = ownTargets(
      target("db", "db.local", 5432),
      target("web", "web.local", 80),
    );
    let changes = 0;
    own.onChange(() => {
      changes++;
    });
    addresses.set("db.local", "127.0.0.9");
    expect((await own.check("127.0.0.9", 5432))?.service).toBe("db");
    expect(asked).toEqual(["db.local"]);
    addresses.set("db.local", "127.0.0.8");
    await own.refresh();
    expect(asked).toEqual(["db.local", "db.local", "web.local"]);
    expect(own.takenBy("127.0.0.9", 5432)).toBeNull();
    expect(own.takenBy("127.0.0.8", 5432)?.service).toBe("db");
    expect(changes).toBe(2);
  });
});
