import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OTHER, type SeriesReport } from "../../../../../protocol/telemetry/series.ts";
import { Dictionary } from "../../../../../workers/telemetry/policy/dictionary.ts";
import {
  BOOT_MEMORY_MS,
  Ledger,
  MAX_BOOT_SERIES,
  MAX_BOOTS,
  MAX_REMOVED,
  MAX_SITE_FORGOTTEN,
  MAX_SITE_LABELS,
  MAX_SITE_SERIES,
  SITE_FLOOR,
} from "../../../../../workers/telemetry/policy/ledger.ts";
import { makeReport, SITES } from "../../../../support/traffic/series-report.ts";

const NOW = 1_800_000_000_000;
const NOBODY = () => false;

const totalsOf = (ledger: Ledger) =>
  Object.fromEntries(
    [...ledger.all()].map(({ site, key, total }) => [`${site} ${key.service}`, total.values()]),
  );

const bytesOf = (ledger: Ledger) =>
  [...ledger.all()].reduce((sum, { total }) => sum + total.bytesToTarget, 0);

/** A restart of the object that has stored the ledger. */
function stored(ledger: Ledger): Ledger {
  const dictionary = new Dictionary();
  const dump = JSON.parse(JSON.stringify(ledger.dump(dictionary)));
  return Ledger.restore(dump, Dictionary.restore(JSON.parse(JSON.stringify(dictionary.dump()))));
}

/** Begins a process and returns how it reports. */
function processOf(boot: string, site = SITES.west) {
  const id = { site, boot };
  return {
    begin: (ledger: Ledger, now = NOW) => ledger.begin(id, now, NOBODY),
    report: (ledger: Ledger, ...reports: SeriesReport[]) => ledger.report(id, reports, NOW),
  };
}

describe("the ledger", () => {
  it("adds what exceeds the last values of a process", () => {
    const ledger = new Ledger();
    const { begin, report } = processOf("b1");
    begin(ledger);
    expect(
      report(ledger, makeReport({ opened: 2, bytesToTarget: 10, latency: [[3, 2]] }))[0]?.by.values(),
    ).toMatchObject({
      opened: 2,
      bytesToTarget: 10,
      latency: [[3, 2]],
    });
    const [grown] = report(
      ledger,
      makeReport({
        opened: 3,
        bytesToTarget: 10,
        latency: [
          [3, 2],
          [7, 1],
        ],
      }),
    );
    expect(grown?.by.values()).toMatchObject({ opened: 1, bytesToTarget: 0, latency: [[7, 1]] });
    expect(report(ledger, makeReport({ opened: 3, bytesToTarget: 10, latency: [[3, 2]] }))).toEqual([]);
  });

  it("ignores counters that go backwards, one by one", () => {
    const ledger = new Ledger();
    const { begin, report } = processOf("b1");
    begin(ledger);
    report(ledger, makeReport({ opened: 5, bytesToTarget: 100 }));
    report(ledger, makeReport({ opened: 1, bytesToTarget: 130 }));
    expect([...ledger.all()][0]?.total.values()).toMatchObject({ opened: 5, bytesToTarget: 130 });
  });

  it("counts nothing of a process that said no hello", () => {
    const ledger = new Ledger();
    expect(processOf("b1").report(ledger, makeReport({ opened: 1 }))).toEqual([]);
    expect(ledger.size).toBe(0);
  });

  it("has exact totals whatever is lost, repeated or reordered, and whenever the object and the connectors restart", () => {
    const step = fc.record({
      boot: fc.integer({ min: 0, max: 2 }),
      service: fc.constantFrom("db", "web"),
      more: fc.integer({ min: 0, max: 1000 }),
      fate: fc.constantFrom("sent", "lost", "twice", "crash", "stored", "new process"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let ledger = new Ledger();
        let kept = stored(ledger);
        let generation = 0;
        // What each living process has counted, and what ended processes had reported at their end.
        const counted = new Map<string, Map<string, number>>();
        let finished = 0;
        const names = new Map<number, string>();
        const nameOf = (boot: number) => names.get(boot) ?? `b${boot}-0`;
        const reportOf = (service: string, bytesToTarget: number) => makeReport({ service, bytesToTarget });
        const send = (name: string) => {
          const { begin, report } = processOf(name);
          begin(ledger);
          report(
            ledger,
            ...[...(counted.get(name) ?? [])].map(([service, bytes]) => reportOf(service, bytes)),
          );
        };
        for (const { boot, service, more, fate } of steps) {
          const name = nameOf(boot);
          const values = counted.get(name) ?? new Map<string, number>();
          counted.set(name, values);
          values.set(service, (values.get(service) ?? 0) + more);
          if (fate === "sent") send(name);
          if (fate === "twice") [name, name].forEach(send);
          if (fate === "stored") kept = stored(ledger);
          if (fate === "crash") {
            ledger = stored(kept);
            // Living connectors send everything after their hello; ended ones had their last report stored.
            for (const living of counted.keys()) send(living);
          }
          if (fate === "new process") {
            send(name);
            kept = stored(ledger);
            finished += [...values.values()].reduce((sum, bytes) => sum + bytes, 0);
            counted.delete(name);
            generation += 1;
            names.set(boot, `b${boot}-${generation}`);
          }
        }
        for (const name of counted.keys()) send(name);
        const living = [...counted.values()].flatMap((values) => [...values.values()]);
        expect(bytesOf(ledger)).toBe(finished + living.reduce((sum, bytes) => sum + bytes, 0));
        expect(totalsOf(stored(ledger))).toEqual(totalsOf(ledger));
      }),
    );
  });

  it("counts labels beyond the limit of a site under other labels, and loses nothing", () => {
    const ledger = new Ledger();
    const each = 600;
    for (let boot = 0; boot < 5; boot++) {
      const { begin, report } = processOf(`b${boot}`);
      begin(ledger);
      const reports = Array.from({ length: each }, (_, at) =>
        makeReport({ process: `process-${boot}-${at}`, bytesToTarget: 1 }),
      );
      report(ledger, ...reports);
      report(ledger, ...reports.map((one) => ({ ...one, bytesToTarget: 3 })));
    }
    expect(ledger.size).toBe(MAX_SITE_SERIES + 1);
    expect(bytesOf(ledger)).toBe(5 * each * 3);
    const other = [...ledger.all()].find(({ key }) => key.process === OTHER);
    expect(other?.total.bytesToTarget).toBe((5 * each - MAX_SITE_SERIES) * 3);
    expect(bytesOf(stored(ledger))).toBe(5 * each * 3);
  });

  it("keeps the room of other sites from a site with many labels", () => {
    const ledger = new Ledger();
    for (let boot = 0; boot < 20; boot++) {
      const { begin, report } = processOf(`b${boot}`);
      begin(ledger);
      report(
        ledger,
        ...Array.from({ length: 700 }, (_, at) => makeReport({ service: `${boot}-${at}`, opened: 1 })),
      );
    }
    expect(ledger.size).toBeLessThanOrEqual(2 * MAX_SITE_SERIES);
    const other = processOf("b1", SITES.east);
    other.begin(ledger);
    expect(other.report(ledger, makeReport({ opened: 1 }))).toHaveLength(1);
  });

  it("has room for each site, whatever labels the other sites of the network make up", () => {
    let ledger = new Ledger();
    let characters = 0;
    // Each of these sites has more characters than a site may have, and together more than a network.
    const sites = 5;
    for (let site = 0; site < sites; site++) {
      for (let boot = 0; boot < 12; boot++) {
        const { begin, report } = processOf(`b${boot}`, `s${String(site).padStart(26, "0")}`);
        begin(ledger);
        const labels = Array.from({ length: MAX_BOOT_SERIES }, (_, at) =>
          makeReport({
            ...{ service: `s${boot}-${at}`.padEnd(63, "x"), process: `p${at}`.padEnd(200, "x"), opened: 1 },
            ...{ side: "target", target: `${boot}-${at}`.padEnd(300, "x") },
          }),
        );
        characters += 600 * report(ledger, ...labels).length;
      }
    }
    expect(characters).toBeLessThan(sites * MAX_SITE_LABELS);
    expect(ledger.size).toBeLessThan(40_000);
    for (let restart = 0; restart < 2; restart++) {
      const { begin, report } = processOf(`b${restart}`, SITES.east);
      begin(ledger);
      const few = Array.from({ length: SITE_FLOOR / 2 }, (_, at) =>
        makeReport({ service: `${at}`, opened: 1 }),
      );
      expect(report(ledger, ...few)).toHaveLength(few.length);
      ledger = stored(ledger);
    }
    expect([...ledger.all()].filter(({ site }) => site === SITES.east)).toHaveLength(SITE_FLOOR / 2);
  });

  it("names no site at the other end of a stream that came by a door", () => {
    const ledger = new Ledger();
    const { begin, report } = processOf("b1");
    begin(ledger);
    report(ledger, makeReport({ side: "target", door: true, peer: SITES.east, opened: 1 }));
    expect([...ledger.all()].map(({ key }) => key.peer)).toEqual([null]);
  });

  it("remembers forgotten processes of a site, however many another one begins", () => {
    const ledger = new Ledger();
    const first = processOf("first", SITES.east);
    first.begin(ledger);
    first.report(ledger, makeReport({ bytesToTarget: 10 }));
    for (let boot = 0; boot <= MAX_BOOTS; boot++) processOf(`e${boot}`, SITES.east).begin(ledger, NOW + 1);
    for (let boot = 0; boot < 12 * MAX_SITE_FORGOTTEN; boot++) processOf(`b${boot}`).begin(ledger);
    first.begin(ledger);
    first.report(ledger, makeReport({ bytesToTarget: 10 }));
    expect(bytesOf(ledger)).toBe(10);
  });

  it("keeps what a removed site counted, without processes and targets, until many were removed after it", () => {
    let ledger = new Ledger();
    for (let site = 0; site <= MAX_REMOVED; site++) {
      const id = `s${String(site).padStart(26, "0")}` as const;
      const { begin, report } = processOf("b1", id);
      begin(ledger);
      report(
        ledger,
        makeReport({ process: "a", bytesToTarget: 1 }),
        makeReport({ process: "b", bytesToTarget: 2 }),
      );
      expect(ledger.readings).toBe(2);
      expect(ledger.remove(id)).toBe(true);
      expect([ledger.readings, ledger.boots]).toEqual([0, 0]);
      if (site === 0) {
        expect([...ledger.all()].map(({ key, total }) => [key.process, total.bytesToTarget])).toEqual([
          [OTHER, 3],
        ]);
      }
      if (site % 100 === 0) ledger = stored(ledger);
    }
    expect(ledger.size).toBe(MAX_REMOVED);
    expect(bytesOf(ledger)).toBe(3 * MAX_REMOVED);
    expect(ledger.remove(SITES.north)).toBe(false);
  });

  it("forgets the processes of a site that are idle longest, and does not count one twice that returns", () => {
    let ledger = new Ledger();
    for (let boot = 0; boot <= MAX_BOOTS; boot++) {
      const { begin, report } = processOf(`b${boot}`);
      begin(ledger, NOW + boot);
      report(ledger, makeReport({ bytesToTarget: 10 }));
    }
    expect(ledger.boots).toBe(MAX_BOOTS);
    ledger = stored(ledger);
    const { begin, report } = processOf("b0");
    begin(ledger, NOW);
    report(ledger, makeReport({ bytesToTarget: 10 }));
    report(ledger, makeReport({ bytesToTarget: 12 }));
    expect(bytesOf(ledger)).toBe((MAX_BOOTS + 1) * 10 + 2);
  });

  it("forgets processes after a month", () => {
    const ledger = new Ledger();
    processOf("b1").begin(ledger);
    processOf("b2", SITES.east).begin(ledger, NOW + BOOT_MEMORY_MS + 1);
    expect(ledger.boots).toBe(1);
  });

  it("stops at the largest exact integer", () => {
    const ledger = new Ledger();
    for (const boot of ["b1", "b2"]) {
      const { begin, report } = processOf(boot);
      begin(ledger);
      report(
        ledger,
        makeReport({ bytesToTarget: Number.MAX_SAFE_INTEGER, latency: [[0, Number.MAX_SAFE_INTEGER]] }),
      );
    }
    expect([...ledger.all()][0]?.total.values()).toMatchObject({
      bytesToTarget: Number.MAX_SAFE_INTEGER,
      latency: [[0, Number.MAX_SAFE_INTEGER]],
    });
  });
});
