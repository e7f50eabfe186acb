import { describe, expect, it } from "vitest";
import { replaceSection } from "../../../scripts/section.ts";

const PAGE = "# Page\n\n<!-- sums: made by a script -->\nold\n<!-- end of sums -->\n\nThe rest.\n";

describe("replaceSection", () => {
  it("replaces what stands between the marks and keeps the rest of the page", () => {
    expect(replaceSection(PAGE, "sums", "new")).toBe(
      "# Page\n\n<!-- sums: made by a script -->\n\nnew\n\n<!-- end of sums -->\n\nThe rest.\n",
    );
  });

  it("changes nothing when the content is the same", () => {
    const page = replaceSection(PAGE, "sums", "new");
    expect(replaceSection(page, "sums", "new")).toBe(page);
  });

  it("throws when a mark is missing", () => {
    expect(() => replaceSection(PAGE, "roles", "new")).toThrow('section "roles"');
    expect(() => replaceSection(PAGE.replace("<!-- end of sums -->", ""), "sums", "new")).toThrow("marks");
  });
});
