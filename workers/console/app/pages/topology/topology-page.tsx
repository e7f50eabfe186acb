import { PageHeader } from "../../parts/page-header.tsx";

export default function TopologyPage() {
  return <PageHeader title="Topology" />;
}
