import { describe, expect, it } from "vitest";
import { certificateNames, parseAddress } from "../../../../../connector/edge/addresses/addresses.ts";
import {
  formerAfter,
  type GivenAddresses,
  type LastStart,
  lastOptions,
  wantedAddresses,
} from "../../../../../connector/edge/addresses/wanted-addresses.ts";

const at = (text: string) => parseAddress(text, "--api");

/** The record of `edge start --api 0.0.0.0:1443 --gateway 0.0.0.0:1444 --lanes … --hostname edge.example`. */
const LAST: LastStart = {
  ports: { api: 1443, links: 1444, lanes: 1999 },
  listen: { api: "0.0.0.0", links: "0.0.0.0", lanes: "10.0.0.1" },
  hostname: "edge.example",
  urls: { api: "https://edge.example:1443", links: "https://edge.example:1444" },
};

const wanted = (given: GivenAddresses, last: LastStart | null) => {
  const { addresses, hostname } = wantedAddresses(given, last);
  const text = ({ host, port }: { host: string; port: number }) => `${host}:${port}`;
  const { api, gateway, lanes } = addresses;
  return [text(api), text(gateway), lanes && text(lanes), hostname];
};

describe("wantedAddresses", () => {
  it("has the default addresses at the first start", () => {
    expect(wanted({}, null)).toEqual(["127.0.0.1:8443", "127.0.0.1:8444", "127.0.0.1:8445", undefined]);
  });

  it("has all addresses of the last start without options", () => {
    expect(wanted({}, LAST)).toEqual(["0.0.0.0:1443", "0.0.0.0:1444", "10.0.0.1:1999", "edge.example"]);
  });

  it("keeps lanes off that were off", () => {
    const last = { ...LAST, listen: { api: "0.0.0.0", links: "0.0.0.0", lanes: null } };
    expect(wanted({}, last)[2]).toBeNull();
    expect(wanted({ lanes: at("127.0.0.1:7") }, last)[2]).toBe("127.0.0.1:7");
  });

  it("follows each option, and has lanes beside a gateway that is given", () => {
    expect(wanted({ api: at("127.0.0.1:5"), hostname: "new.example" }, LAST)).toEqual([
      "127.0.0.1:5",
      "0.0.0.0:1444",
      "10.0.0.1:1999",
      "new.example",
    ]);
    expect(wanted({ gateway: at("127.0.0.1:5") }, LAST).slice(1)).toEqual([
      "127.0.0.1:5",
      "127.0.0.1:6",
      "edge.example",
    ]);
    expect(wanted({ gateway: at("127.0.0.1:0"), lanes: null }, LAST)[2]).toBeNull();
  });

  it("has the ports and the name of an older version's record, on loopback", () => {
    const { listen: _, hostname: __, ...old } = LAST;
    expect(wanted({}, old)).toEqual(["127.0.0.1:1443", "127.0.0.1:1444", "127.0.0.1:1999", "edge.example"]);
    const local = { ...old, urls: { api: "https://127.0.0.1:1443", links: "https://127.0.0.1:1444" } };
    expect(wanted({}, local)[3]).toBeUndefined();
    expect(wanted({ api: at("10.0.0.1:1443") }, old)[3]).toBeUndefined();
    expect(wanted({}, { ports: old.ports })[3]).toBeUndefined();
  });
});

describe("formerAfter", () => {
  const urls = { api: "https://new.example:1", links: "https://new.example:2" };

  it("adds the addresses of the last start when they changed", () => {
    const first = { api: "https://a:1", links: "https://a:2", until: 3 };
    expect(formerAfter({ ...LAST, former: [first] }, urls, 7)).toEqual([first, { ...LAST.urls, until: 7 }]);
  });

  it("adds nothing at the first start, and nothing when they did not change", () => {
    expect(formerAfter(null, urls, 7)).toEqual([]);
    expect(formerAfter(LAST, LAST.urls ?? urls, 7)).toEqual([]);
  });

  it("keeps the newest sixteen", () => {
    const many = Array.from({ length: 20 }, (_, until) => ({ ...urls, until }));
    const kept = formerAfter({ ...LAST, former: many }, urls, 99);
    expect(kept).toHaveLength(16);
    expect(kept.at(-1)).toEqual({ ...LAST.urls, until: 99 });
  });
});

describe("lastOptions", () => {
  it("are the options that listen as the last start did", () => {
    expect(lastOptions(LAST)?.join(" ")).toBe(
      "--api 0.0.0.0:1443 --gateway 0.0.0.0:1444 --hostname edge.example",
    );
    expect(lastOptions({ ports: LAST.ports })).toBeNull();
  });
});

describe("the names of a certificate", () => {
  it("contain the hosts of former addresses", () => {
    const addresses = { api: at("127.0.0.1:1"), gateway: at("127.0.0.1:2"), lanes: null };
    const former = [{ api: "https://old.example:1", links: "https://[2001:db8::1]:2", until: 1 }];
    expect(certificateNames(addresses, "new.example", former)).toEqual(
      expect.arrayContaining(["new.example", "127.0.0.1", "old.example", "2001:db8::1"]),
    );
  });
});
