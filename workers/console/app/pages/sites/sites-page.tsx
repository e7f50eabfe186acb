import { PageHeader } from "../../parts/page-header.tsx";

export default function SitesPage() {
  return <PageHeader title="Sites" />;
}
