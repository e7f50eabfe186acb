import { PageHeader } from "../../parts/page-header.tsx";

export default function FlowsPage() {
  return <PageHeader title="Flows" />;
}
