import { describe, expect, it } from "vitest";
import { parseCounts } from "../../bench/usage/system-calls.ts";

describe("the counts of perf", () => {
  it("are summed up over all intervals", () => {
    const text = `     0.100154786,106,,raw_syscalls:sys_enter,703854,100.00,,
     0.200479525,<not counted>,,raw_syscalls:sys_enter,0,100.00,,
     0.301454742,3,,raw_syscalls:sys_enter,92917,100.00,,`;
    expect(parseCounts(text)).toBe(109);
  });

  it("are no number when perf counted nothing", () => {
    expect(parseCounts("event syntax error: 'raw_syscalls:sys_enter'")).toBeNaN();
    expect(parseCounts("0.1,<not supported>,,raw_syscalls:sys_enter,0,100.00,,")).toBeNaN();
  });
});
