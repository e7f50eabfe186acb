/** All that is known of a flow. */
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import CloseIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-close-icon";
import type { ReactNode } from "react";
import { explain } from "../../../../../protocol/diagnosis/finding.ts";
import type { SiteFlowRecord } from "../../../../../protocol/telemetry/flow-record.ts";
import { visible } from "../../../../../protocol/text.ts";
import { fromOf, toOf } from "../../flows/flow-export.ts";
import { fairlead } from "../../format/command.ts";
import { bytesText, latencyText } from "../../format/quantity.ts";
import { absoluteText } from "../../format/time.ts";
import { CommandHint, Sentence } from "../../parts/command-hint.tsx";
import { Name, ServiceName, SiteName } from "../../parts/name.tsx";
import { resultOf } from "./flow-table.tsx";

export function FlowDetail({ record, onClose }: { record: SiteFlowRecord; onClose: () => void }) {
  const from = fromOf(record);
  const to = toOf(record);
  const isError = record.outcome !== null && record.outcome !== "completed";
  const meaning = isError ? explain(record.outcome ?? "") : null;
  return (
    <section className="fl-flow-detail" aria-label="The chosen flow">
      <div className="fl-flow-detail__head">
        <h2>{record.kind === "request" ? "Request" : "Stream"}</h2>
        <Button variant="plain" aria-label="Close the details" icon={<CloseIcon />} onClick={onClose} />
      </div>
      {meaning === null ? null : (
        <div className="fl-flow-detail__wrong">
          <strong>{visible(meaning.meaning)}</strong>
          <p>
            <Sentence>{visible(meaning.action)}</Sentence>
          </p>
        </div>
      )}
      <dl>
        <Fact label="Began">{absoluteText(record.at)}</Fact>
        <Fact label="From">
          {from === "" ? "unknown" : from === "door" ? "public door" : <SiteName name={from} />}
        </Fact>
        <Fact label="Client">{known(record.client)}</Fact>
        <Fact label="Process">{known(record.process)}</Fact>
        <Fact label="Service">
          <ServiceName name={record.service} />
        </Fact>
        <Fact label="To">{to === "" ? "no site was chosen" : <SiteName name={to} />}</Fact>
        <Fact label="Target">{known(record.target)}</Fact>
        <Fact label="Protocol">{record.protocol}</Fact>
        {record.method === undefined ? null : (
          <Fact label="Request">
            <span className="fl-wrap">
              {visible(record.method)} {visible(record.authority ?? "")}
              {visible(record.path ?? "")}
            </span>
          </Fact>
        )}
        <Fact label="Result">{visible(resultOf(record))}</Fact>
        {record.grpcStatus === undefined ? null : <Fact label="gRPC status">{record.grpcStatus}</Fact>}
        {record.attempts === undefined ? null : <Fact label="Attempts">{record.attempts}</Fact>}
        <Fact label="Took">{latencyText(record.ms)}</Fact>
        <Fact label="First byte after">
          {record.firstByteMs === null ? "none came" : latencyText(record.firstByteMs)}
        </Fact>
        <Fact label="To the target">{bytesText(record.bytesToTarget)}</Fact>
        <Fact label="To the client">{bytesText(record.bytesToClient)}</Fact>
        <Fact label="Reported by">
          <Name>{record.site.name}</Name>, at the {record.side}
        </Fact>
        {record.session === null ? null : <Fact label="Session">{known(record.session)}</Fact>}
        {record.stream === null ? null : <Fact label="Stream">{record.stream}</Fact>}
        {record.trace === undefined ? null : <Fact label="Trace">{known(record.trace)}</Fact>}
      </dl>
      {from === "" || from === "door" ? null : (
        <CommandHint command={fairlead("check", record.service, "--from", from)} />
      )}
    </section>
  );
}

const known = (text: string | null): ReactNode =>
  text === null ? (
    <span className="fl-subtle">unknown</span>
  ) : (
    <span className="fl-wrap">{visible(text)}</span>
  );

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
