/** Which file of the project imports which, and what follows for its rooms. */
import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { ROOT, repositoryFiles } from "../../support/run/repository-files.ts";

/** Names and what each of them imports. */
export type Imports = ReadonlyMap<string, readonly string[]>;

/** Static, dynamic and type imports, and `export … from`. */
const IMPORT = /(?:\bfrom\s*|\bimport\s*\(\s*|^import\s*)"(\.{1,2}\/[^"]+)"/gm;

/** The imports of every file in a folder of the repository; paths from its root. */
export function importsIn(folder: string): Imports {
  const files = repositoryFiles(folder)
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(ROOT, name));
  return new Map(
    files.map((file) => {
      const found = readFileSync(file, "utf8").matchAll(IMPORT);
      const imported = [...found].map(([, specifier = ""]) => resolve(dirname(file), specifier));
      return [relative(ROOT, file), imported.map((each) => relative(ROOT, each))];
    }),
  );
}

/** The folders of the files, each with the other folders that its files import from. */
export function roomsOf(imports: Imports): Imports {
  const rooms = new Map<string, Set<string>>();
  for (const [file, imported] of imports) {
    const room = dirname(file);
    const others = rooms.get(room) ?? new Set();
    rooms.set(room, others);
    for (const each of imported) if (dirname(each) !== room) others.add(dirname(each));
  }
  return new Map([...rooms].map(([room, others]) => [room, [...others].sort()]));
}

/** A circle of imports, its first name again at its end; null where there is none. */
export function circleIn(imports: Imports): string[] | null {
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): string[] | null => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (done.has(name)) return null;
    for (const next of imports.get(name) ?? []) {
      const circle = visit(next, [...path, name]);
      if (circle !== null) return circle;
    }
    done.add(name);
    return null;
  };
  for (const name of imports.keys()) {
    const circle = visit(name, []);
    if (circle !== null) return circle;
  }
  return null;
}

/** One room and the rooms that may import from it. */
export interface Line {
  readonly room: string;
  /** Rooms; `folder/**` is a folder and every folder in it. */
  readonly usedBy: readonly string[];
  readonly why: string;
}

const covers = (pattern: string, room: string) =>
  pattern.endsWith("/**") ? `${room}/`.startsWith(pattern.slice(0, -"**".length)) : pattern === room;

/** What in the imports the table does not allow, and what in the table no import needs. A sentence each. */
export function problemsOf(imports: Imports, table: readonly Line[]): string[] {
  const rooms = roomsOf(imports);
  const problems: string[] = [];
  for (const [room, others] of rooms) {
    for (const other of others) {
      const allowed = table.some(
        (line) => line.room === other && line.usedBy.some((each) => covers(each, room)),
      );
      if (!allowed) problems.push(`${room} imports ${other}, which no line of the table allows.`);
    }
  }
  for (const { room, usedBy } of table) {
    for (const pattern of usedBy) {
      const used = [...rooms].some(([each, others]) => covers(pattern, each) && others.includes(room));
      if (!used) problems.push(`The table lets ${pattern} import ${room}, and nothing does.`);
    }
  }
  return problems;
}
