import { PageHeader } from "../../parts/page-header.tsx";

export default function SitePage() {
  return <PageHeader title="Site" />;
}
