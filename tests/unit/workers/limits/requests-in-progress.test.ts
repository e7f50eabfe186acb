import { describe, expect, it } from "vitest";
import { RequestsInProgress } from "../../../../workers/limits/requests-in-progress.ts";

describe("RequestsInProgress", () => {
  it("refuses a client's request while it has too many, and takes the next one when one has ended or failed", async () => {
    const inProgress = new RequestsInProgress(2);
    const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    const running = inProgress.run("a", () => first.promise);
    const failing = inProgress.run("a", () => second.promise);
    expect(await inProgress.run("a", () => Promise.resolve("third"))).toBeNull();
    expect(await inProgress.run("b", () => Promise.resolve("other"))).toBe("other");
    second.reject(new Error("It failed."));
    await expect(failing).rejects.toThrow("It failed.");
    expect(await inProgress.run("a", () => Promise.resolve("third"))).toBe("third");
    first.resolve("first");
    expect(await running).toBe("first");
  });
});
