import { describe, expect, it } from "vitest";
import { candidates, parseHosts, parseSearchRules } from "../../../../connector/net/system-names.ts";

describe("the hosts file", () => {
  it("gives names and aliases their addresses, whatever their case, without comments and nonsense", () => {
    const hosts = parseHosts(
      "127.0.0.1 localhost\n::1\tlocalhost ip6 # loop\n#10.0.0.1 off\nnonsense here\n10.0.0.2 DB\n",
    );
    expect(hosts.get("localhost")).toEqual([
      { address: "127.0.0.1", family: 4 },
      { address: "::1", family: 6 },
    ]);
    expect(hosts.get("db")).toEqual([{ address: "10.0.0.2", family: 4 }]);
    expect([...hosts.keys()]).toEqual(["localhost", "ip6", "db"]);
  });
});

describe("search domains", () => {
  const kubernetes = parseSearchRules(
    "nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5 edns0\n",
  );

  it("complete a short name before it is tried as it is, as pods are told to", () => {
    expect(candidates("db", kubernetes)).toEqual([
      "db.shop.svc.cluster.local",
      "db.svc.cluster.local",
      "db.cluster.local",
      "db",
    ]);
    expect(candidates("db.other", kubernetes)[1]).toBe("db.other.svc.cluster.local");
  });

  it("come last for a name with enough dots, and never for one that ends with a dot", () => {
    const usual = parseSearchRules("domain example.com\n");
    expect(candidates("db", usual)).toEqual(["db.example.com", "db"]);
    expect(candidates("db.west", usual)).toEqual(["db.west", "db.west.example.com"]);
    expect(candidates("db.", kubernetes)).toEqual(["db"]);
  });

  it("are those of the last line, of LOCALDOMAIN, or of the machine's own name", () => {
    expect(parseSearchRules("search a\ndomain b.\n").domains).toEqual(["b"]);
    expect(parseSearchRules("search a\n", { LOCALDOMAIN: "c d", RES_OPTIONS: "ndots:3" })).toEqual({
      domains: ["c", "d"],
      ndots: 3,
    });
    expect(parseSearchRules("", {}, "host.example.org").domains).toEqual(["example.org"]);
    expect(parseSearchRules("options ndots:99\n").ndots).toBe(15);
  });
});
