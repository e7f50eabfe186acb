import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "../../..");

/** Which files each file of a folder imports, types included. */
function importsIn(folder: string): Map<string, string[]> {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(ROOT, folder, name));
  return new Map(
    files.map((file) => {
      const found = readFileSync(file, "utf8").matchAll(/^(?:import|export)\b[^;]*?\bfrom "(\.[^"]+)";/gm);
      return [file, [...found].map(([, specifier]) => resolve(dirname(file), specifier ?? ""))];
    }),
  );
}

/** A circle of imports, if there is one. */
function circleIn(imports: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return null;
    for (const next of imports.get(file) ?? []) {
      const circle = visit(next, [...path, file]);
      if (circle !== null) return circle;
    }
    done.add(file);
    return null;
  };
  for (const file of imports.keys()) {
    const circle = visit(file, []);
    if (circle !== null) return circle.map((each) => relative(ROOT, each));
  }
  return null;
}

describe("imports", () => {
  it("in workers/ do not go in circles", () => {
    const imports = importsIn("workers");
    expect(imports.size).toBeGreaterThan(50);
    expect(circleIn(imports)).toBeNull();
  });

  it("that go in a circle are found", () => {
    const imports = new Map([
      ["a", ["b"]],
      ["b", ["c"]],
      ["c", ["b"]],
    ]);
    expect(circleIn(imports)).toHaveLength(3);
  });
});
