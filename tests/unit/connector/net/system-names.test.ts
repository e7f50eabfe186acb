import { describe, expect, it } from "vitest";
import { candidates, parseHosts, parseSearchRules } from "../../../../connector/net/system-names.ts";

describe("parseHosts", () => {
  it("maps names and aliases of any case to addresses, and skips comments and invalid lines", () => {
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

describe("parseSearchRules and candidates", () => {
  const kubernetes = parseSearchRules(
    "nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5 edns0\n",
  );

  it("try the completed forms of a short name before the name itself, as in a pod", () => {
    expect(candidates("db", kubernetes)).toEqual([
      "db.shop.svc.cluster.local",
      "db.svc.cluster.local",
      "db.cluster.local",
      "db",
    ]);
    expect(candidates("db.other", kubernetes)[1]).toBe("db.other.svc.cluster.local");
  });

  it("try completed forms last for a name with enough dots, and never for one that ends with a dot", () => {
    const usual = parseSearchRules("domain example.com\n");
    expect(candidates("db", usual)).toEqual(["db.example.com", "db"]);
    expect(candidates("db.west", usual)).toEqual(["db.west", "db.west.example.com"]);
    expect(candidates("db.", kubernetes)).toEqual(["db"]);
  });

  it("take the domains of the last line, of LOCALDOMAIN, or of the machine's own name", () => {
    expect(parseSearchRules("search a\ndomain b.\n").domains).toEqual(["b"]);
    expect(parseSearchRules("search a\n", { LOCALDOMAIN: "c d", RES_OPTIONS: "ndots:3" })).toEqual({
      domains: ["c", "d"],
      ndots: 3,
    });
    expect(parseSearchRules("", {}, "host.example.org").domains).toEqual(["example.org"]);
    expect(parseSearchRules("options ndots:99\n").ndots).toBe(15);
  });
});
