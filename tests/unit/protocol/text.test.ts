import { describe, expect, it } from "vitest";
import { CreateKey } from "../../../protocol/api/keys.ts";
import { fromErrorBody } from "../../../protocol/errors.ts";
import { shownText, visible } from "../../../protocol/text.ts";
import { ConnectorMessage } from "../../../protocol/uplink/messages.ts";

const HOSTILE = [
  "\u001b[2J",
  "a\nforged line",
  "a\rb",
  "\u007f",
  "\u009b31m",
  "a\u202eb",
  "\u2028",
  "\u2066x",
  "\u0000",
];

describe("visible", () => {
  it.each(HOSTILE)("leaves no control characters in %j", (text) => {
    expect(shownText(100).safeParse(text).success).toBe(false);
    expect(visible(text)).not.toBe(text);
    expect(shownText(100).safeParse(visible(text)).success).toBe(true);
  });

  it("keeps letters of every script", () => {
    for (const text of ["", "east 1", "Zürich", "東京", "عدن", "🚢"]) {
      expect(shownText(100).parse(text)).toBe(text);
      expect(visible(text)).toBe(text);
    }
  });

  it("writes the code of each escaped character", () => {
    expect(visible("a\u001b[2Jb\n")).toBe("a\\u001b[2Jb\\u000a");
  });
});

describe("shownText", () => {
  it.each(HOSTILE)("refuses %j in the texts of members and callers", (text) => {
    const listener = { service: "api", address: "127.0.0.1:1", state: "failed" };
    for (const changes of [{ message: text }, { address: text }, { code: text }]) {
      const message = { type: "listeners", listeners: [{ ...listener, ...changes }] };
      expect(ConnectorMessage.safeParse(message).success).toBe(false);
    }
    expect(CreateKey.safeParse({ name: text, role: "viewer" }).success).toBe(false);
  });
});

describe("fromErrorBody", () => {
  it("escapes control characters in the message", () => {
    expect(fromErrorBody({ code: "service.refused", message: "a\u001b[2J" }, "session.lost").message).toBe(
      "a\\u001b[2J",
    );
  });
});
