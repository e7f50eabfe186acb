import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Cast } from "../../../demo/talk/cast.ts";

it("A recording has a header and one event for each output, in asciinema's second version", async () => {
  let shown = "";
  const cast = new Cast("A title", {
    write: (text: string) => {
      shown += text;
    },
  });
  cast.write("one\n");
  cast.write("two\n");
  expect(shown).toBe("one\ntwo\n");
  const directory = await mkdtemp(join(tmpdir(), "fl-"));
  try {
    cast.save(join(directory, "a.cast"));
    const [header, ...events] = (await readFile(join(directory, "a.cast"), "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(header).toMatchObject({ version: 2, width: 80, title: "A title" });
    expect(events).toEqual([
      [expect.any(Number), "o", "one\r\n"],
      [expect.any(Number), "o", "two\r\n"],
    ]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
