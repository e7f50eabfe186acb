import { describe, expect, it } from "vitest";
import { memcpyTunables } from "../../../../../connector/edge/workerd/memcpy-tunables.ts";

describe("memcpyTunables", () => {
  it("lets glibc copy without rep movsb on processors of AMD", () => {
    expect(memcpyTunables("AMD EPYC 9R14", undefined)).toEqual({
      GLIBC_TUNABLES: "glibc.cpu.x86_rep_movsb_threshold=1073741824",
    });
  });

  it("changes nothing on other or unknown processors", () => {
    expect(memcpyTunables("Intel(R) Xeon(R) Platinum 8488C", undefined)).toEqual({});
    expect(memcpyTunables("", undefined)).toEqual({});
  });

  it("leaves the tunables of this process as they are", () => {
    expect(memcpyTunables("AMD EPYC 9R14", "glibc.malloc.check=3")).toEqual({
      GLIBC_TUNABLES: "glibc.malloc.check=3",
    });
  });
});
