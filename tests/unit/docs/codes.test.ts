/** The codes of errors and the types of events that the pages name: each exists. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EventType } from "../../../protocol/api/events.ts";
import { ERRORS } from "../../../protocol/errors.ts";
import { ROOT, repositoryPages } from "../../support/run/repository-files.ts";

/** The changelog and the decisions name what there was at their time; two pages also name messages of the wire. */
const pages = repositoryPages().filter(
  (page) =>
    !["CHANGELOG.md", "docs/architecture.md", "docs/protocol.md"].includes(page) &&
    !/^docs\/decisions\/\d/.test(page),
);

/** A text in code style that has the form of a code. */
const CODE = /`([a-z]+\.[a-z_]+)`/g;

/** Endings of file names, which have the same form. */
const FILE = /\.(?:cjs|json|key|md|mjs|pem|service|sock|svg|toml|ts|tsx|yaml|yml|backup)$/;

const known = new Set<string>([...Object.keys(ERRORS), ...EventType.options]);
/** What stands before the point in codes; other words before a point belong to something else. */
const subjects = new Set([...known].map((code) => code.split(".")[0]));

const codesOn = (text: string) =>
  [...text.matchAll(CODE)]
    .map(([, code = ""]) => code)
    .filter((code) => subjects.has(code.split(".")[0]) && !FILE.test(code));

describe.each(pages)("%s", (page) => {
  it("names only codes of errors and types of events that exist", () => {
    const text = readFileSync(join(ROOT, page), "utf8");
    expect(codesOn(text).filter((code) => !known.has(code))).toEqual([]);
  });
});

describe("the check of codes", () => {
  it("finds an unknown code, and no file", () => {
    expect(codesOn("`token.unheard_of`, `token.yaml`, `python.exe`")).toEqual(["token.unheard_of"]);
  });
});
